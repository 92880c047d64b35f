import type { BulkChange } from '../bulk/change.ts';
import { plural } from '../output/text.ts';
import { problemWith } from './addresses.ts';
import {
  type DeliveryPlan,
  haveOutgrown,
  planDeliveries,
  type Reason,
  type Selection,
  type Skip,
  UNDER_WAY,
  walkDeliveries,
} from './bulk-deliveries.ts';
import { type Resolution, saysSent, sendHeldAgain } from './resolve.ts';
import { acceptHeld } from './settle.ts';
import { parseReceiptFilter, type ReceiptFilter } from './vocabulary.ts';

export interface ResolveOptions extends Pick<Resolution, 'outcome'> {
  /** With `resend`: also when another delivery of the receipt was sent since, or is on its way. */
  force: boolean;
  /** Who decides: the evidence that a mail was sent names this person. */
  actor: string;
  /** The donation of the only receipt that was asked for: it needs no confirmation. */
  only?: string | undefined;
}

/** Settles held deliveries by one decision: they were sent, or they are sent (again). */
export function resolveReceipts(
  asked: ReceiptFilter,
  options: ResolveOptions,
): BulkChange<DeliveryPlan> {
  const { outcome, only } = options;
  const filter = withHeld(asked);
  const selection: Selection = {
    filter,
    candidates: `d.status = 'held'`,
    skip: skip(options),
    recipient: 'd.recipient',
  };
  const isSent = outcome === 'sent';
  return {
    words: {
      verb: 'resolve',
      past: 'Resolved',
      one: 'receipt',
      many: 'receipts',
      effects: isSent ? undefined : 'sends',
      next: () =>
        only === undefined
          ? 'Next: donations receipts list --held'
          : `Next: donations show ${only}`,
    },
    action: 'receipts.resolve',
    scope: filter.text,
    question: only === undefined ? 'count' : 'nothing',
    plan: async (db, limit) => {
      const plan = await planDeliveries(db, selection, limit);
      return isSent ? { ...plan, effects: [], unknown: 0 } : plan;
    },
    hasOutgrown: (db, plan) => haveOutgrown(db, selection, plan),
    describe: ({ donors }) => [
      [
        'decision',
        isSent
          ? `counts as sent to ${plural(donors, 'donor')}; nothing more is sent`
          : 'sent, although it may have been sent before',
      ],
    ],
    warnings: ({ donors }) =>
      isSent || donors === 0
        ? []
        : [`${plural(donors, 'donor')} may have the receipt already, and get it twice`],
    toRecord: ({ examples, donors, ...plan }) => ({
      ...plan,
      donor_count: donors,
      outcome,
      examples: examples.map(({ id }) => id),
    }),
    walks: async (_db, plan) => [
      walkDeliveries(selection, plan.at, async (tx, { ids: held, jobs }) => {
        if (isSent) await acceptHeld(tx, held, saysSent(options.actor));
        else await sendHeldAgain(tx, held);
        return {
          outcome,
          ...(options.force ? { force: true } : {}),
          // The audit trail finds the decision by the jobs.
          before: { state: 'held', jobs },
          deliveries: held,
        };
      }),
    ],
  };
}

/** The filter, with the status that is meant if it names neither statuses nor receipts. */
function withHeld(filter: ReceiptFilter): ReceiptFilter {
  if (filter.terms.some(({ name }) => name === 'status' || name === 'receipt')) return filter;
  return parseReceiptFilter(`${filter.text} status:held`.trim());
}

function skip({ outcome, force }: ResolveOptions): Skip {
  const settled: Reason[] = [
    [`d.status = 'accepted'`, 'it was sent'],
    [`d.status in ('pending', 'sending')`, 'it is on its way'],
    [`d.status = 'failed'`, 'it failed: use receipts replay'],
  ];
  if (outcome === 'sent') return { first: settled };
  const amongOthers: Reason[] = [
    [
      `bool_or(x.status = 'held' and (x.created_at, x.id) > (d.created_at, d.id))`,
      'there is a newer delivery of it',
    ],
  ];
  if (!force)
    amongOthers.push(
      [
        'bool_or(x.accepted_at > coalesce(d.claimed_at, d.created_at))',
        'a copy was sent since: --force sends it all the same',
      ],
      [UNDER_WAY, 'another delivery of it is on its way: --force sends it all the same'],
    );
  return {
    first: [
      ...settled,
      [`d.evidence is not null`, 'there is evidence that it was sent'],
      [`r.status = 'void'`, 'its receipt is void'],
      [
        `${problemWith('d.recipient')} is not null`,
        'its address gets no mail: use donors fix-email',
      ],
    ],
    amongOthers,
  };
}
