import { usageError } from './errors.ts';

const UNITS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A length of time as people type it, in milliseconds: `200ms`, `60s`, `10m`, `1h30m`, `2d`.
 * @throws UserError `usage`.
 */
export function parseDuration(text: string): number {
  const refused = usageError(
    `"${text}" is not a length of time`,
    'Write it like 200ms, 60s, 10m, 1h30m or 2d.',
  );
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text.trim()) throw refused;
  const ms = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit as string] as number),
    0,
  );
  if (!(ms > 0)) throw refused;
  return Math.round(ms);
}

/**
 * A length of time or a range of them, in milliseconds: `200ms`, `100ms-2s`.
 * @returns from and to; the same twice for a single one.
 * @throws UserError `usage`.
 */
export function parseDurationRange(text: string): [fromMs: number, toMs: number] {
  const [from = '', to = from, ...rest] = text.split('-');
  const range: [number, number] = [parseDuration(from), parseDuration(to)];
  if (rest.length > 0 || range[0] > range[1]) {
    throw usageError(`"${text}" is not a range of lengths of time`, 'Write it like 100ms-2s.');
  }
  return range;
}

/**
 * A share as people type it, from 0 to 1: `20%`, `0.5%`.
 * @throws UserError `usage`.
 */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text.trim());
  const share = Number(match?.[1]) / 100;
  if (!match || share > 1)
    throw usageError(`"${text}" is not a share`, 'Write it like 20%, at most 100%.');
  return share;
}

/**
 * A rate as people type it, per second: `10/s`, `600/m`.
 * @throws UserError `usage`.
 */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\/(s|m|h)$/.exec(text.trim());
  const rate = (Number(match?.[1]) * 1000) / (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(rate > 0)) throw usageError(`"${text}" is not a rate`, 'Write it like 10/s or 600/m.');
  return rate;
}

/**
 * A whole number in a range, as a person types it.
 * @throws UserError `usage`.
 */
export function parseCount(text: string, { min = 1, max = 1_000_000 } = {}): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw usageError(`"${text}" is not a whole number from ${min} to ${max}`);
  }
  return value;
}
