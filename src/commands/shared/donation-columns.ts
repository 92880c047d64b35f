import type { ListedDonation } from '../../lib/donations/list.ts';
import { decimalAmount, formatMoney } from '../../lib/money.ts';
import type { Column } from '../../lib/output/render.ts';
import { statusText, statusTone } from '../../lib/output/status.ts';
import { donorColumn } from './donor-column.ts';

/** A donation in lists. */
export const DONATION_COLUMNS: Column<ListedDonation>[] = [
  { name: 'donation', header: 'DONATION', value: (d) => d.id, isId: true },
  { name: 'given_on', header: 'GIVEN', value: (d) => d.giftOn },
  {
    name: 'status',
    header: 'STATUS',
    value: (d) => d.status,
    text: (d) => statusText(d.status),
    tone: (d) => statusTone(d.status),
  },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (d) => d.minor,
    text: (d) => formatMoney({ minor: d.minor, currency: d.currency }),
    align: 'right',
  },
  {
    name: 'amount',
    header: 'AMOUNT',
    value: (d) => decimalAmount({ minor: d.minor, currency: d.currency }),
    wide: true,
  },
  { name: 'currency', header: 'CURRENCY', value: (d) => d.currency, wide: true },
  donorColumn((d) => ({ id: d.donorId, name: d.donorName, email: d.donorEmail })),
  { name: 'fund', header: 'FUND', value: (d) => d.fund, minor: true },
  { name: 'campaign', header: 'CAMPAIGN', value: (d) => d.campaign, minor: true },
  { name: 'method', header: 'METHOD', value: (d) => d.method, minor: true },
  {
    name: 'card',
    header: 'CARD',
    value: (d) => d.card,
    text: (d) => d.card?.last4 ?? '',
    parts: ['brand', 'last4'],
    minor: true,
  },
  { name: 'number', header: 'RECEIPT', value: (d) => d.receipt, whole: true },
  { name: 'failure', header: 'WHY', value: (d) => d.failure },
  { name: 'refunded_minor', header: 'REFUNDED', value: (d) => d.refundedMinor, wide: true },
  { name: 'received_on', header: 'RECEIVED', value: (d) => d.receivedOn, wide: true },
  { name: 'batch', header: 'BATCH', value: (d) => d.batch, isId: true, wide: true },
  { name: 'source', header: 'SOURCE', value: (d) => d.source, wide: true },
  { name: 'source_id', header: 'SOURCE ID', value: (d) => d.sourceId, wide: true },
  { name: 'request', header: 'REQUEST', value: (d) => d.request, wide: true },
  { name: 'created_at', header: 'RECORDED', value: (d) => d.createdAt, wide: true },
];
