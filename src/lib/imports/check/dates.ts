/** In which order a date of three numbers is written. */
export const DATE_ORDERS = ['ymd', 'mdy', 'dmy'] as const;
export type DateOrder = (typeof DATE_ORDERS)[number];

export interface DateRules {
  order: DateOrder | undefined;
  /** The organisation's: days are days in it. */
  timeZone: string;
  /** Times with no zone are in UTC, because the format says so; else they are local already. */
  timesAreUtc: boolean;
  /** The day it is, in the organisation's time zone. */
  today: string;
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const EARLIEST = '1900-01-01';

/** A day `YYYY-MM-DD`, or what is wrong with the text. */
export type Day = { day: string } | { problem: string };

/** Reads days as people and systems write them; remembers those it has read, which come again and again. */
export function createDayReader(rules: DateRules): (text: string) => Day {
  const known = new Map<string, Day>();
  return (text) => {
    const seen = known.get(text);
    if (seen) return seen;
    const day = readDay(text, rules);
    if (known.size < 5000) known.set(text, day);
    return day;
  };
}

/**
 * Reads one day. What can be read in two ways is not guessed.
 * @internal Exported for its tests.
 */
export function readDay(text: string, rules: DateRules): Day {
  const trimmed = text.trim();
  const shown = trimmed.length > 40 ? `${trimmed.slice(0, 40)}…` : trimmed;
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(.*))?$/.exec(trimmed);
  if (iso) {
    const [, year = '', month = '', day = '', time] = iso;
    const date = toDay(year, month, day);
    if (!date) return { problem: `${shown} is no day of the calendar` };
    if (time === undefined || time === '') return within(date, rules);
    return atTime(date, time, shown, rules);
  }
  const compact = /^(\d{4})(\d{2})(\d{2})$/.exec(trimmed);
  if (compact) return orNone(toDay(compact[1], compact[2], compact[3]), shown, rules);
  const named = byName(trimmed);
  if (named) return orNone(named.day, shown, rules);
  const numbers = /^(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:\s+(\d{1,2}:.*))?$/.exec(trimmed);
  if (numbers) return byOrder(numbers, shown, rules);
  if (/^\d{5}(\.\d+)?$/.test(trimmed))
    return { problem: `${shown} is a spreadsheet's number of a day: export it as a date` };
  return { problem: `${shown} is not a date: write it like 2026-11-23` };
}

function byOrder(numbers: RegExpExecArray, shown: string, rules: DateRules): Day {
  const [, a = '', b = '', c = '', time] = numbers;
  if (a.length === 4) return withTime(toDay(a, b, c), time, shown, rules);
  if (c.length !== 4)
    return { problem: `${shown} has a year of two digits: write it like 2026-11-23` };
  const mdy = toDay(c, a, b);
  const dmy = toDay(c, b, a);
  if (rules.order === 'ymd')
    return { problem: `${shown} is not written year first, as the dates of this file are` };
  if (rules.order === 'mdy') return withTime(mdy, time, shown, rules, 'month/day/year');
  if (rules.order === 'dmy') return withTime(dmy, time, shown, rules, 'day/month/year');
  if (mdy && dmy && mdy !== dmy)
    return {
      problem: `${shown} may be ${mdy} or ${dmy}: say --dates mdy or --dates dmy`,
    };
  return withTime(mdy ?? dmy, time, shown, rules);
}

function withTime(
  date: string | undefined,
  time: string | undefined,
  shown: string,
  rules: DateRules,
  as?: string,
): Day {
  if (!date) return { problem: `${shown} is no day of the calendar${as ? ` as ${as}` : ''}` };
  return time ? atTime(date, time, shown, rules) : within(date, rules);
}

const orNone = (date: string | undefined, shown: string, rules: DateRules): Day =>
  date ? within(date, rules) : { problem: `${shown} is no day of the calendar` };

function within(day: string, { today }: DateRules): Day {
  if (day > today) return { problem: `${day} is in the future` };
  if (day < EARLIEST) return { problem: `${day} is before 1900` };
  return { day };
}

/** `23 November 2026`, `Nov 23, 2026`, `23-Nov-2026`. */
function byName(text: string): { day: string | undefined } | undefined {
  const dayFirst = /^(\d{1,2})(?:st|nd|rd|th)?[\s.-]+([a-z]{3,9})\.?[\s,-]+(\d{4})$/i.exec(text);
  const monthFirst = /^([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})$/i.exec(text);
  const [day, name, year] = dayFirst
    ? [dayFirst[1], dayFirst[2], dayFirst[3]]
    : [monthFirst?.[2], monthFirst?.[1], monthFirst?.[3]];
  if (!day || !name || !year) return undefined;
  const month = MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1;
  return { day: month > 0 ? toDay(year, String(month), day) : undefined };
}

function toDay(year = '', month = '', day = ''): string | undefined {
  const [y, m, d] = [Number(year), Number(month), Number(day)];
  const date = new Date(Date.UTC(y, m - 1, d));
  if (y < 1000 || date.getUTCMonth() !== m - 1 || date.getUTCDate() !== d) return undefined;
  return `${year}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`;
}

/** The day of a moment in the organisation's time zone; a time with no zone is a local one. */
function atTime(date: string, time: string, shown: string, rules: DateRules): Day {
  const match =
    /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([ap]m)?\s*(z|utc|gmt|[+-]\d{2}:?\d{2})?$/i.exec(
      time,
    );
  if (!match) return { problem: `${shown} is not a date: write it like 2026-11-23` };
  const [, h = '', minutes = '', seconds = '0', half, zone] = match;
  const hours = (Number(h) % (half ? 12 : 24)) + (half?.toLowerCase() === 'pm' ? 12 : 0);
  if (Number(h) > 24 || Number(minutes) > 59 || Number(seconds) > 60)
    return { problem: `${shown} has no such time of day` };
  if (!zone && !rules.timesAreUtc) return within(date, rules);
  const offset = /^[+-]/.test(zone ?? '') ? (zone as string).replace(/^(...):?/, '$1:') : 'Z';
  const clock = [hours, Number(minutes), Math.min(59, Number(seconds))]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  const moment = new Date(`${date}T${clock}${offset}`);
  if (Number.isNaN(moment.getTime())) return { problem: `${shown} has no such time zone` };
  return within(dayIn(moment, rules.timeZone), rules);
}

/** The day that a moment falls on in a time zone. */
export const dayIn = (moment: Date, timeZone: string): string =>
  // The Swedish way of writing dates is ISO 8601.
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(moment);
