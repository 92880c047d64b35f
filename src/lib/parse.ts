import { usageError } from './errors.ts';
import { quoted } from './text.ts';

const UNITS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Longer texts are not valid, and are not parsed. */
const MAX_TEXT = 64;

/** A hundred years, which Postgres can add to or subtract from a time. */
const MAX_DURATION_MS = 36_525 * 86_400_000;

/**
 * Parses a duration in milliseconds: `200ms`, `60s`, `10m`, `1h30m`, `2d`.
 * @param bounds the longest duration that is allowed; never more than a hundred years.
 * @throws UserError `usage`.
 */
export function parseDuration(text: string, { max = MAX_DURATION_MS } = {}): number {
  const trimmed = text.trim();
  const parts =
    trimmed.length > MAX_TEXT ? [] : [...trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)];
  const ms = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit as string] as number),
    0,
  );
  if (parts.map(([part]) => part).join('') !== trimmed || Math.round(ms) < 1) {
    throw usageError(
      `${quoted(text)} is not a duration`,
      'Write it like 200ms, 60s, 10m, 1h30m or 2d.',
    );
  }
  if (ms > max) throw usageError(`${quoted(text)} is too long`, `At most ${inUnits(max)}.`);
  return Math.round(ms);
}

/** The duration in the largest unit that is exact: `36525d`, `10m`. */
function inUnits(ms: number): string {
  const [unit, size] = (['d', 'h', 'm', 's'] as const)
    .map((name) => [name, UNITS[name] as number] as const)
    .find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/**
 * Parses a duration or a range of durations in milliseconds: `200ms`, `100ms-2s`.
 * @returns from and to; equal for a single duration.
 * @throws UserError `usage`.
 */
export function parseDurationRange(
  text: string,
  bounds: { max?: number } = {},
): [fromMs: number, toMs: number] {
  const [from = '', to = from, ...rest] = text.split('-', 3);
  const range: [number, number] = [parseDuration(from, bounds), parseDuration(to, bounds)];
  if (rest.length > 0 || range[0] > range[1]) {
    throw usageError(`${quoted(text)} is not a range of durations`, 'Write it like 100ms-2s.');
  }
  return range;
}

/**
 * Parses a share from 0 to 1: `20%`, `0.5%`.
 * @throws UserError `usage`.
 */
export function parseShare(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,10})?)%$/.exec(text.trim());
  const share = Number(match?.[1]) / 100;
  if (!match || share > 1)
    throw usageError(`${quoted(text)} is not a share`, 'Write it like 20%, at most 100%.');
  return share;
}

/** Nothing is faster than a million a second or slower than one a day. */
const MAX_RATE = 1_000_000;
const MIN_RATE = 1 / 86_400;

/**
 * Parses a rate per second: `10/s`, `600/m`.
 * @throws UserError `usage`.
 */
export function parseRate(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,10})?)\/(s|m|h)$/.exec(text.trim());
  const rate = (Number(match?.[1]) * 1000) / (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(rate > 0))
    throw usageError(`${quoted(text)} is not a rate`, 'Write it like 10/s or 600/m.');
  if (rate > MAX_RATE || rate < MIN_RATE) {
    throw usageError(
      `${quoted(text)} is out of range for a rate`,
      'Rates go from one a day (0.05/h) to a million a second.',
    );
  }
  return rate;
}

/**
 * Parses a day: `2026-01-31`.
 * @throws UserError `usage`.
 */
export function parseDay(text: string): string {
  const day = text.trim();
  const at = new Date(`${day}T00:00:00Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(day) && at.toJSON()?.startsWith(day)) return day;
  throw usageError(`${quoted(text)} is not a day`, 'Write it like 2026-01-31.');
}

/**
 * Parses a whole number in a range.
 * @throws UserError `usage`.
 */
export function parseCount(text: string, { min = 1, max = 1_000_000 } = {}): number {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw usageError(`${quoted(text)} is not a whole number from ${min} to ${max}`);
  }
  return value;
}
