import {
  amounts,
  type Bindings,
  beginsWith,
  type Conditions,
  compileFilter,
  isAged,
  isDated,
  isSince,
  matches,
  resembles,
} from '../filter/compile.ts';
import { type Filter, parseFilter } from '../filter/parse.ts';
import type { Vocabulary } from '../filter/vocabulary.ts';

/** What may become of a delivery, and `bounced`: accepted, and it did not arrive. */
export const DELIVERY_STATUSES = [
  'pending',
  'sending',
  'accepted',
  'held',
  'failed',
  'bounced',
] as const;

/** What a filter of receipts can ask for. Its rows are deliveries. */
export const RECEIPT_TERMS = {
  status: {
    kind: 'choice',
    values: [...DELIVERY_STATUSES, 'void'],
    about: `${DELIVERY_STATUSES.join(', ')}; or void, of the receipt`,
    example: 'status:failed,bounced',
  },
  receipt: {
    kind: 'id',
    prefix: 'rcp_',
    about: 'id of the receipt, or its beginning',
    example: 'receipt:rcp_01jd2x',
  },
  number: { kind: 'word', about: 'its number', example: 'number:2026-000042' },
  kind: {
    kind: 'choice',
    values: ['original', 'copy', 'donation', 'refund', 'annual'],
    about: 'original or copy; donation, refund or annual',
    example: 'kind:original',
  },
  reason: { kind: 'word', about: 'why it is held or failed', example: 'reason:~bounced' },
  to: { kind: 'word', about: 'the address it goes to', example: 'to:ada@example.org' },
  donation: {
    kind: 'id',
    prefix: 'don_',
    about: 'id of the donation, or its beginning',
    example: 'donation:don_01jd2x',
  },
  donor: { kind: 'word', about: 'id or e-mail address', example: 'donor:ada@example.org' },
  fund: { kind: 'word', about: "the donation's fund", example: 'fund:gala' },
  campaign: { kind: 'word', about: "the donation's campaign", example: 'campaign:~spring' },
  batch: { kind: 'word', about: 'the import that it came with', example: 'batch:bat_01jd2x' },
  amount: { kind: 'amount', about: 'the amount of the receipt', example: 'amount:>100' },
  received: { kind: 'date', about: 'when the gift was given', example: 'received:>=2026-11' },
  issued: { kind: 'date', about: 'when the receipt was issued', example: 'issued:2026' },
  age: { kind: 'age', about: 'since the delivery was made', example: 'age:>1h' },
  since: { kind: 'time', about: 'made no earlier than this: 2h, or a time', example: 'since:2h' },
} as const satisfies Vocabulary;

export type ReceiptTerm = keyof typeof RECEIPT_TERMS;
export type ReceiptFilter = Filter<ReceiptTerm>;

/**
 * Reads a filter of receipts.
 * @throws UserError `usage`.
 */
export const parseReceiptFilter = (text: string): ReceiptFilter =>
  parseFilter<ReceiptTerm>(text, RECEIPT_TERMS);

/** SQL: the receipt `r` covers a donation `g` for which the condition holds. */
const ofGift = (condition: string) => `exists (
  select 1 from donations.receipt_donations c join donations.donations g on g.id = c.donation_id
  where c.receipt_id = r.id and (${condition}))`;

const CONDITIONS: Conditions<ReceiptTerm> = {
  status: ({ values }, bindings) => {
    const named = values.map(String);
    const conditions = [`d.status = any (${bindings.add(named)}::text[])`];
    // The index is of those that need attention; without this the planner does not know.
    if (named.every((name) => name === 'held' || name === 'failed'))
      return `d.needs_attention and ${conditions[0]}`;
    if (named.includes('bounced')) conditions.push('d.bounced_at is not null');
    if (named.includes('void')) conditions.push(`r.status = 'void'`);
    return conditions.join(' or ');
  },
  receipt: beginsWith('r.id'),
  number: matches('r.label'),
  kind: (term, bindings) =>
    `${matches('d.kind')(term, bindings)} or ${matches('r.kind')(term, bindings)}`,
  reason: matches('coalesce(d.reason, d.bounce_reason)'),
  to: (term, bindings) =>
    term.operator === '~'
      ? matches('d.recipient')(term, bindings)
      : `lower(d.recipient) = any (${bindings.add(term.values.map((value) => String(value).toLowerCase()))}::text[])`,
  donation: (term, bindings) => ofGift(beginsWith('g.id')(term, bindings)),
  donor: (term, bindings) => {
    const addresses = bindings.add(term.values.map((value) => String(value).toLowerCase()));
    return `${beginsWith('r.donor_id')(term, bindings)} or exists (
      select 1 from donations.donor_emails e where e.donor_id = r.donor_id and lower(e.email) = any (${addresses}::text[]))`;
  },
  fund: (term, bindings) =>
    ofGift(`exists (select 1 from donations.allocations f
      where f.donation_id = g.id and (${resembles('f.fund')(term, bindings)}))`),
  campaign: (term, bindings) => ofGift(resembles('g.campaign')(term, bindings)),
  batch: (term, bindings) => ofGift(beginsWith('g.batch_id')(term, bindings)),
  amount: amounts('r.amount_minor', 'r.currency'),
  received: (term, bindings) => ofGift(isDated('g.gift_on')(term, bindings)),
  issued: isDated('r.issued_on'),
  age: isAged('d.created_at'),
  since: isSince('d.created_at'),
};

/** SQL: what a filter asks of a delivery `d` and its receipt `r`. */
export const conditionsOn = (filter: ReceiptFilter, bindings: Bindings): string =>
  ['true', ...compileFilter(filter, CONDITIONS, bindings)].join(' and ');
