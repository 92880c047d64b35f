import type { Db } from '../db/database.ts';
import { usageError } from '../errors.ts';
import { findHeldTo, findSentAs } from '../receipts/evidence.ts';
import { type ActivityRow, readActivity } from './activity-csv.ts';
import { type MailEvent, readMailEvent, type Taken, takeMailEvents } from './sendgrid-events.ts';

export interface Imported extends Taken {
  /** How many the file holds. */
  events: number;
  /** How many of them cannot be read as events. */
  unreadable: number;
  /** How many name no receipt, delivery, donation or mail of ours. They change nothing. */
  unmatched: number;
  /** Held receipts to whose address such an event went. That decides nothing. */
  possible: Possible[];
}

/** A held receipt, and the first unmatched event about its address. */
export interface Possible {
  receipt: string;
  delivery: string;
  email: string;
  line: number;
  event: string;
  at: Date;
}

// As many as SendGrid posts at once.
const BATCH = 1000;

/**
 * Takes the events of a file as if SendGrid had posted them: in batches, each seen once, however often
 * the file is imported. An event counts only for a delivery that its own ids name, or whose mail has
 * SendGrid's id of the event's mail: the same address at the same time proves nothing.
 *
 * @param text a JSON array of events, or an event in each line, or SendGrid's activity CSV.
 * @throws UserError `usage` when it is neither.
 */
export async function importMailEvents(db: Db, text: string): Promise<Imported> {
  const rows = isJson(text) ? readList(text).map(asRow) : await readActivity(text);
  const events = await linked(db, rows);
  const sum: Imported = {
    events: rows.length,
    unreadable: rows.length - events.length,
    unmatched: events.filter(({ event }) => !isLinked(event)).length,
    possible: await findPossible(db, events),
    ours: 0,
    fresh: 0,
    settled: [],
    unknown: 0,
  };
  for (let at = 0; at < events.length; at += BATCH) {
    const batch = events.slice(at, at + BATCH).map(({ event }) => event);
    const taken = await takeMailEvents(db, batch);
    sum.ours += taken.ours;
    sum.fresh += taken.fresh;
    sum.unknown += taken.unknown;
    sum.settled.push(...taken.settled);
  }
  return sum;
}

type Readable = ActivityRow & { event: MailEvent };

const asRow = (json: unknown, i: number): ActivityRow => ({
  line: i + 1,
  event: readMailEvent(json),
  messageIds: [],
});

const isLinked = ({ delivery_id, receipt_id, donation_id }: MailEvent): boolean =>
  (delivery_id ?? receipt_id ?? donation_id) !== undefined;

/** The events that can be read; one without our ids gets the delivery whose mail it is about. */
async function linked(db: Db, rows: ActivityRow[]): Promise<Readable[]> {
  const readable = rows.filter((row): row is Readable => row.event !== undefined);
  const unlinked = readable.filter(({ event }) => !isLinked(event));
  const deliveries = await findSentAs(
    db,
    unlinked.flatMap(({ messageIds }) => messageIds),
  );
  return readable.map((row) => {
    const [delivery, ...others] = isLinked(row.event)
      ? []
      : new Set(row.messageIds.flatMap((id) => deliveries.get(id) ?? []));
    return delivery === undefined || others.length > 0
      ? row
      : { ...row, event: { ...row.event, delivery_id: delivery } };
  });
}

async function findPossible(db: Db, rows: Readable[]): Promise<Possible[]> {
  const first = new Map<string, Readable>();
  for (const row of rows) {
    const email = row.event.email.toLowerCase();
    if (!isLinked(row.event) && email !== '' && !first.has(email)) first.set(email, row);
  }
  const held = await findHeldTo(db, [...first.keys()]);
  return held.flatMap(({ email, ...rest }) => {
    const row = first.get(email);
    if (!row) return [];
    const { event, timestamp } = row.event;
    return [{ ...rest, email, line: row.line, event, at: new Date(timestamp * 1000) }];
  });
}

const isJson = (text: string) => /^[\s\uFEFF]*($|[[{])/.test(text);

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
