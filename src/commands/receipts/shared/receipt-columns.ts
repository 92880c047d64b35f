import { formatMoney } from '../../../lib/money.ts';
import type { Column } from '../../../lib/output/render.ts';
import type { MailEvent, SendAttempt } from '../../../lib/receipts/attempts.ts';
import type { Delivery, Receipt } from '../../../lib/receipts/find-receipt.ts';
import { deliveryFields } from '../../shared/delivery-fields.ts';
import { donorColumn } from '../../shared/donor-column.ts';

const amount = ({ content }: Receipt) => ({
  minor: BigInt(content.amountMinor),
  currency: content.currency,
});

/** A receipt with its attempts and the events of the mail provider. */
export type ShownReceipt = Receipt & { attempts: SendAttempt[]; events: MailEvent[] };

/** One receipt with its whole history. */
export const RECEIPT_COLUMNS: Column<ShownReceipt>[] = [
  { name: 'number', header: 'RECEIPT', value: (r) => r.number },
  { name: 'receipt', header: 'ID', value: (r) => r.id },
  { name: 'kind', header: 'KIND', value: (r) => r.kind },
  { name: 'status', header: 'STATUS', value: (r) => r.status },
  { name: 'void_reason', header: 'VOID BECAUSE', value: (r) => r.voidReason },
  { name: 'replaces', header: 'REPLACES', value: (r) => r.replaces },
  { name: 'replaced_by', header: 'REPLACED BY', value: (r) => r.replacedBy },
  { name: 'donation', header: 'DONATION', value: (r) => r.donationId },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (r) => amount(r).minor,
    text: (r) => formatMoney(amount(r)),
  },
  { name: 'gift_count', header: 'GIFTS', value: (r) => r.content.statement?.gifts.length },
  { name: 'currency', header: '', value: (r) => r.content.currency, text: () => '' },
  donorColumn(({ content: { donor } }) => ({
    id: donor.id,
    name: donor.name,
    email: donor.email || null,
  })),
  { name: 'received_on', header: 'RECEIVED', value: (r) => r.content.receivedOn },
  { name: 'issued_on', header: 'ISSUED', value: (r) => r.content.issuedOn },
  {
    name: 'deliveries',
    header: 'DELIVERIES',
    value: (r) =>
      r.deliveries.map((d) => ({
        ...deliveryFields(d),
        channel: d.channel,
        job: d.jobId ?? null,
        accepted_at: d.acceptedAt ?? null,
        resends: d.resends,
        bounced_at: d.bouncedAt ?? null,
        bounce_reason: d.bounceReason ?? null,
      })),
    lines: ({ deliveries }) => deliveries.map(describeDelivery),
  },
  {
    name: 'history',
    header: 'ATTEMPTS',
    value: (r) =>
      r.attempts.map((a) => ({
        started_at: a.at,
        job: a.jobId,
        attempt: a.attempt,
        outcome: a.outcome,
        error: a.why,
        http_status: a.httpStatus,
        request_id: a.requestId,
      })),
    lines: (r) => r.attempts.map(({ at, outcome, why }) => lineOf(at, outcome, why)),
  },
  {
    name: 'mail_events',
    header: 'EVENTS',
    value: (r) => r.events.map(({ at, event, delivery }) => ({ at, event, delivery })),
    lines: (r) => r.events.map(({ at, event, delivery }) => lineOf(at, event, delivery)),
  },
];

function describeDelivery(d: Delivery): string {
  const why = d.status === 'accepted' ? null : d.reason;
  return [
    `${d.kind} ${d.status} to ${d.recipient}`,
    d.acceptedAt ? ` at ${d.acceptedAt.toISOString()}` : '',
    why ? ` (${why})` : '',
    d.evidence ? ` (${d.evidence})` : '',
    d.bounceReason ? `, and did not arrive (${d.bounceReason})` : '',
  ].join('');
}

const lineOf = (at: Date, what: string, more: string | null): string =>
  `${at.toISOString()} ${what}${more ? ` (${more})` : ''}`;
