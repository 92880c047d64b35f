import { usageError } from './errors.ts';
import { inZone } from './output/time.ts';
import { parseDuration } from './parse.ts';
import { quoted } from './text.ts';

const DAY_MS = 86_400_000;
const CLOCK = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;
const LOCAL = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.\d{1,9})?)?)?$/;
const HINT = 'Write it like 02:00, 2026-11-24 02:00, 2026-11-24T02:00Z, or 3h for three hours ago.';

/** How a time is to be understood. */
export interface MomentRules {
  now: Date;
  /** The IANA time zone of times that name none. */
  timeZone: string;
  /** For the end of a period: its beginning. A time of day is the first one after it, and a day is its end. */
  after?: Date;
}

/**
 * Parses a moment: `02:00` (the latest that is not in the future), `2026-11-24`, `2026-11-24 02:00`,
 * `2026-11-24T02:00Z`, `3h` (that long ago), `now`.
 * @throws UserError `usage`.
 */
export function parseMoment(text: string, rules: MomentRules): Date {
  const { now, timeZone, after } = rules;
  const typed = text.trim();
  if (typed === 'now') return now;
  const clock = CLOCK.exec(typed);
  if (clock) {
    const [, hours = '', minutes, seconds = '00'] = clock;
    return atClock(`${hours.padStart(2, '0')}:${minutes}:${seconds}`, rules);
  }
  const local = LOCAL.exec(typed);
  if (local) {
    const [, day = '', time, seconds = '00'] = local;
    if (!isDay(day)) throw usageError(`${quoted(day)} is not a day`, HINT);
    if (time !== undefined && !CLOCK.test(time))
      throw usageError(`${quoted(time)} is not a time of day`, HINT);
    const isEnd = time === undefined && after !== undefined;
    return wallTime(isEnd ? nextDay(day) : day, `${time ?? '00:00'}:${seconds}`, timeZone);
  }
  if (/^\d{4}-\d\d-\d\dT/.test(typed)) {
    const at = new Date(typed);
    if (!Number.isNaN(at.getTime())) return at;
  }
  if (/^[\d.]+[a-z]/.test(typed)) return new Date(now.getTime() - parseDuration(typed));
  throw usageError(`${quoted(text)} is not a time`, HINT);
}

/** The longest period in days, so that reading it takes seconds. */
const MOST_DAYS = 31;

/**
 * Parses the two ends of a period in the past. A period that has not ended yet ends now.
 * @throws UserError `usage`.
 */
export function parsePeriod(
  { from, to }: { from: string; to: string | undefined },
  rules: Omit<MomentRules, 'after'>,
): { from: Date; to: Date } {
  const begin = parseMoment(from, rules);
  if (begin.getTime() >= rules.now.getTime())
    throw usageError(`${quoted(from)} is in the future`, 'A report is about the past.');
  const end = to === undefined ? rules.now : parseMoment(to, { ...rules, after: begin });
  if (end.getTime() <= begin.getTime())
    throw usageError(`${quoted(to ?? '')} is not after ${quoted(from)}`, 'Exchange the two times.');
  const last = new Date(Math.min(end.getTime(), rules.now.getTime()));
  if (last.getTime() - begin.getTime() > MOST_DAYS * DAY_MS)
    throw usageError(
      `the period is longer than ${MOST_DAYS} days`,
      'Choose a shorter one, or see single days: donations report --daily --day DATE',
    );
  return { from: begin, to: last };
}

function atClock(time: string, { now, timeZone, after }: MomentRules): Date {
  const base = after ?? now;
  // A day of summer time has 23 or 25 hours, so the days around are tried by the calendar.
  const { day } = inZone(base, timeZone);
  const days = after ? [day, nextDay(day)] : [day, previousDay(day)];
  const found = days
    .map((each) => wallTime(each, time, timeZone))
    .find((at) => (after ? at.getTime() > after.getTime() : at.getTime() <= now.getTime()));
  return found ?? wallTime(days[1] as string, time, timeZone);
}

/**
 * When clocks of a time zone show this. A time that summer time skips is taken by the clock of before; of
 * a time that comes twice the first is meant.
 */
function wallTime(day: string, time: string, timeZone: string): Date {
  const wall = Date.parse(`${day}T${time}Z`);
  const candidates = [-DAY_MS, DAY_MS].map((by) => wall - offsetAt(wall + by, timeZone));
  const shown = candidates.find((ms) => ms + offsetAt(ms, timeZone) === wall);
  return new Date(shown ?? (candidates[0] as number));
}

/** How far the clocks of a time zone are ahead of UTC, in milliseconds. */
function offsetAt(ms: number, timeZone: string): number {
  const { day, time } = inZone(new Date(ms), timeZone);
  return Date.parse(`${day}T${time}Z`) - Math.floor(ms / 1000) * 1000;
}

const dayPlus = (day: string, days: number) =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
const nextDay = (day: string) => dayPlus(day, 1);
const previousDay = (day: string) => dayPlus(day, -1);

function isDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}
