/** Where the time comes from; passed in so that tests can choose it. */
export interface Clock {
  now(): Date;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => new Date() };

/** The calendar day of a moment in a time zone (IANA name), as `YYYY-MM-DD`. */
export function localDate(at: Date, timeZone: string): string {
  // The Swedish way of writing dates is ISO 8601.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at);
}
