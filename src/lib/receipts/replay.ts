import type { BulkChange, Place } from '../bulk/change.ts';
import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';
import { plural } from '../output/text.ts';
import { problemWith } from './addresses.ts';
import {
  type ChosenDelivery,
  type DeliveryPlan,
  haveOutgrown,
  planDeliveries,
  type Reason,
  type Selection,
  type Skip,
  UNDER_WAY,
  walkDeliveries,
} from './bulk-deliveries.ts';
import { sendByNewJobs } from './enqueue.ts';
import { WAITS_AGAIN } from './reopen.ts';
import { endJobs } from './settle.ts';
import { parseReceiptFilter, type ReceiptFilter } from './vocabulary.ts';

export interface ReplayOptions {
  /** How many milliseconds lie between the first mail and the last, or between one and the next. */
  spreadMs?: number | undefined;
  everyMs?: number | undefined;
  /** Also those that may have been sent. */
  includeHeld: boolean;
  /** Also to addresses that get no mail because mail to them did not arrive. */
  force: boolean;
}

/**
 * SQL: where it is sent now. A receipt to the donor goes to the donor's address of today, since the
 * old one may be the reason why it failed; one that a person sent elsewhere goes there again.
 */
const RECIPIENT = `case when e.email <> d.recipient and d.recipient = r.content->'donor'->>'email' then e.email else d.recipient end`;

function skip({ includeHeld, force }: ReplayOptions): Skip {
  const last: Reason[] = [];
  if (!includeHeld)
    last.push([`d.status = 'held'`, 'it may have been sent: --include-held sends it all the same']);
  if (!force)
    last.push([
      `${problemWith(RECIPIENT)} is not null`,
      'its address gets no mail: --force sends it all the same',
    ]);
  return {
    first: [
      [`d.status in ('pending', 'sending')`, 'it is on its way'],
      [`d.status = 'accepted' and d.bounced_at is null`, 'it was sent'],
      [`r.status = 'void'`, 'its receipt is void'],
      // Read again when this had to wait for another operator who replays it; the others are not.
      [`d.sent_again_as is not null`, 'it was sent again'],
    ],
    amongOthers: [
      [UNDER_WAY, 'another delivery of it is on its way'],
      [
        `bool_or(x.status = 'accepted' and x.bounced_at is null)`,
        'another delivery of it was sent',
      ],
      // Of several that failed, the newest.
      ['bool_or(x.created_at > d.created_at)', 'there is a newer delivery of it'],
    ],
    last,
  };
}

/** Sends receipts again that did not reach their donors: failed ones, and on request bounced and held ones. */
export function replayReceipts(
  asked: ReceiptFilter,
  options: ReplayOptions,
): BulkChange<DeliveryPlan> {
  const filter = withStatus(asked, options);
  const selection: Selection = {
    filter,
    candidates: `(d.status in ('failed', 'held') or d.bounced_at is not null)`,
    skip: skip(options),
    recipient: RECIPIENT,
  };
  return {
    words: {
      verb: 'replay',
      past: 'Replayed',
      one: 'receipt',
      many: 'receipts',
      effects: 'sends',
      next: (operation) =>
        `Next: donations receipts list --failed   (audit: donations audit show ${operation})`,
    },
    action: 'receipts.replay',
    scope: filter.text,
    question: 'count',
    plan: (db, limit) => planDeliveries(db, selection, limit),
    hasOutgrown: (db, plan) => haveOutgrown(db, selection, plan),
    describe: () => [],
    warnings: ({ unknown }) =>
      unknown > 0
        ? [`${plural(unknown, 'donor')} may have the receipt already, and get it twice`]
        : [],
    toRecord: ({ examples, donors, ...plan }) => ({
      ...plan,
      donor_count: donors,
      examples: examples.map(({ id }) => id),
    }),
    walks: async (_db, plan) => [
      walkDeliveries(selection, plan.at, (tx, rows, place) => sendAgain(tx, rows, options, place)),
    ],
  };
}

/** The filter with the statuses that are meant when it names none. */
function withStatus(filter: ReceiptFilter, { includeHeld }: ReplayOptions): ReceiptFilter {
  if (filter.terms.some(({ name }) => name === 'status')) return filter;
  return parseReceiptFilter(`${filter.text} status:failed${includeHeld ? ',held' : ''}`.trim());
}

async function sendAgain(
  tx: Queryable,
  rows: ChosenDelivery[],
  options: ReplayOptions,
  { first, total }: Place,
): Promise<Record<string, unknown>> {
  await endJobs(
    tx,
    rows.flatMap(({ job }) => job ?? []),
  );
  const gap = options.everyMs ?? (options.spreadMs ?? 0) / Math.max(1, total);
  const bounced = rows.filter(({ status }) => status === 'accepted');
  const copies =
    bounced.length > 0 ? await makeCopies(tx, bounced, options) : new Map<string, string>();
  await readdress(
    tx,
    rows.filter(({ isReaddressed }) => isReaddressed),
  );
  const deliveries = rows.map(({ id }) => copies.get(id) ?? id);
  // For an accepted delivery its new copy is changed, which is already pending.
  await sendByNewJobs(tx, deliveries, {
    change: options.force ? `${WAITS_AGAIN}, forced = true` : WAITS_AGAIN,
    firstMs: gap * first,
    gapMs: gap,
  });
  return { deliveries };
}

async function readdress(tx: Queryable, rows: ChosenDelivery[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `update donations.receipt_deliveries d set recipient = a.recipient
     from unnest($1::text[], $2::text[]) as a(id, recipient) where d.id = a.id and d.status <> 'accepted'`,
    [rows.map(({ id }) => id), rows.map(({ recipient }) => recipient)],
  );
}

/** What was accepted stays so: a mail that bounced goes again as another delivery. @returns their ids by the old ones. */
async function makeCopies(
  tx: Queryable,
  rows: ChosenDelivery[],
  { force }: ReplayOptions,
): Promise<Map<string, string>> {
  const copies = rows.map(({ id, receipt, recipient }) => ({
    old: id,
    id: newId('delivery'),
    receipt,
    recipient,
  }));
  await tx.query(
    `with copies as (
       select * from json_to_recordset($1::json) as c(id text, old text, receipt text, recipient text)
     ), made as (
       insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, forced)
       select id, receipt, 'copy', recipient, 'pending', $2 from copies
     )
     update donations.receipt_deliveries d set sent_again_as = c.id from copies c where d.id = c.old`,
    [JSON.stringify(copies), force],
  );
  return new Map(copies.map(({ old, id }) => [old, id]));
}
