/** The windows of the charts. */
export const WINDOWS = [
  { name: '15m', ms: 15 * 60_000 },
  { name: '1h', ms: 3_600_000 },
  { name: '6h', ms: 6 * 3_600_000 },
  { name: '24h', ms: 24 * 3_600_000 },
  { name: '7d', ms: 7 * 24 * 3_600_000 },
] as const;
export type WindowName = (typeof WINDOWS)[number]['name'];

export const windowOf = (name: WindowName) => WINDOWS.findIndex((window) => window.name === name);
