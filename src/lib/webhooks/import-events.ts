import type { Db } from '../db/database.ts';
import { usageError } from '../errors.ts';
import { type MailEvent, readMailEvent, type Taken, takeMailEvents } from './sendgrid-events.ts';

export interface Imported extends Taken {
  /** How many the file holds. */
  events: number;
  /** How many of them cannot be read as events. */
  unreadable: number;
}

// As many as SendGrid posts at once.
const BATCH = 1000;

/**
 * Takes the events of a file as if SendGrid had posted them: in batches, each seen once, however often
 * the file is imported.
 *
 * @param text a JSON array of events, or an event in each line.
 * @throws UserError `usage` when it is neither.
 */
export async function importMailEvents(db: Db, text: string): Promise<Imported> {
  const all = readList(text);
  const events = all.map(readMailEvent).filter((event): event is MailEvent => event !== undefined);
  const sum: Imported = {
    events: all.length,
    unreadable: all.length - events.length,
    ours: 0,
    fresh: 0,
    settled: [],
    unknown: 0,
  };
  for (let at = 0; at < events.length; at += BATCH) {
    const taken = await takeMailEvents(db, events.slice(at, at + BATCH));
    sum.ours += taken.ours;
    sum.fresh += taken.fresh;
    sum.unknown += taken.unknown;
    sum.settled.push(...taken.settled);
  }
  return sum;
}

function readList(text: string): unknown[] {
  const whole = parse(text);
  if (Array.isArray(whole)) return whole;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const events = lines.map(parse);
  const bad = events.findIndex((event) => typeof event !== 'object' || event === null);
  if (lines.length === 0 || bad >= 0) {
    throw usageError(
      lines.length === 0 ? 'the file is empty' : `line ${bad + 1} of the file is not an event`,
      'It must hold what SendGrid posts to a webhook: a JSON array, or an event in each line.',
    );
  }
  return events;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
