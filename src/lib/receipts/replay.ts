import type { BulkChange, Place } from '../bulk/change.ts';
import type { Queryable } from '../db/database.ts';
import { usageError } from '../errors.ts';
import { newId } from '../ids.ts';
import { grouped } from '../output/text.ts';
import { problemWith } from './addresses.ts';
import {
  type ChosenDeliveries,
  type DeliveryPlan,
  haveOutgrown,
  planDeliveries,
  type Reason,
  type Selection,
  type Skip,
  UNDER_WAY,
  walkDeliveries,
} from './bulk-deliveries.ts';
import { sendAllByNewJobs } from './enqueue.ts';
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
      unknown > 0 ? [`${grouped(unknown)} may have arrived already, and would arrive twice`] : [],
    toRecord: ({ examples, donors, ...plan }) => ({
      ...plan,
      donor_count: donors,
      examples: examples.map(({ id }) => id),
    }),
    walks: async (_db, plan) => [
      walkDeliveries(selection, plan.at, (tx, chosen, place) =>
        sendAgain(tx, chosen, options, place),
      ),
    ],
  };
}

/**
 * The filter with the statuses that are meant when it names none.
 * @throws UserError `usage` when held receipts are to be included and it names others only.
 */
function withStatus(filter: ReceiptFilter, { includeHeld }: ReplayOptions): ReceiptFilter {
  const statuses = filter.terms.filter(({ name }) => name === 'status');
  if (includeHeld && statuses.some(({ not, values }) => !not && !values.includes('held')))
    throw usageError(
      '--include-held has no effect: the filter leaves out held receipts',
      'Name them too (--failed --held, or status:failed,held), or leave out --include-held.',
    );
  if (statuses.length > 0) return filter;
  return parseReceiptFilter(`${filter.text} status:failed${includeHeld ? ',held' : ''}`.trim());
}

async function sendAgain(
  tx: Queryable,
  { ids, jobs, accepted, readdressed }: ChosenDeliveries,
  options: ReplayOptions,
  { first, total }: Place,
): Promise<Record<string, unknown>> {
  await endJobs(tx, jobs);
  const gap = options.everyMs ?? (options.spreadMs ?? 0) / Math.max(1, total);
  const copies = accepted > 0 ? await makeCopies(tx, options) : new Map<string, string>();
  if (readdressed > 0) await tx.query(READDRESS);
  // For an accepted delivery its new copy is changed, which is already pending.
  await sendAllByNewJobs(tx, 'select id, receipt_id, place from chosen_deliveries', {
    change: options.force ? `${WAITS_AGAIN}, forced = true` : WAITS_AGAIN,
    firstMs: gap * first,
    gapMs: gap,
  });
  return { deliveries: ids.map((id) => copies.get(id) ?? id) };
}

const READDRESS = `
  update donations.receipt_deliveries d set recipient = c.recipient from chosen_deliveries c
  where d.id = c.id and c.is_readdressed and c.status <> 'accepted'`;

/**
 * What was accepted stays so: a mail that bounced goes again as another delivery, which takes its place
 * among the chosen ones.
 * @returns the new ids by the old ones.
 */
async function makeCopies(tx: Queryable, { force }: ReplayOptions): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from chosen_deliveries where status = 'accepted'`,
  );
  const copies = rows.map(({ id }) => ({ old: id, id: newId('delivery') }));
  await tx.query(
    `with copies as (
       select n.id, n.old, c.receipt_id, c.recipient
       from json_to_recordset($1::json) as n(id text, old text) join chosen_deliveries c on c.id = n.old
     ), made as (
       insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, forced)
       select id, receipt_id, 'copy', recipient, 'pending', $2 from copies
     ), sent as (
       update donations.receipt_deliveries d set sent_again_as = c.id from copies c where d.id = c.old
     )
     update chosen_deliveries c set id = n.id from copies n where c.id = n.old`,
    [JSON.stringify(copies), force],
  );
  return new Map(copies.map(({ old, id }) => [old, id]));
}
