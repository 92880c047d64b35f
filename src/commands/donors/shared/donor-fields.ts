import type {
  DonorCard,
  DonorMail,
  DonorPage,
  DonorReceipt,
  PossibleDouble,
} from '../../../lib/donors/page.ts';
import { formatMoney } from '../../../lib/money.ts';
import { type Column, toRecord } from '../../../lib/output/render.ts';
import { statusText, statusTone } from '../../../lib/output/status.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import { DONATION_COLUMNS } from '../../shared/donation-columns.ts';

export const RECEIPT_COLUMNS: Column<DonorReceipt>[] = [
  { name: 'number', header: 'RECEIPT', value: (r) => r.number, whole: true },
  {
    name: 'status',
    header: 'STATUS',
    value: (r) => r.status,
    text: (r) => statusText(r.status),
    tone: (r) => statusTone(r.status),
  },
  { name: 'kind', header: 'KIND', value: (r) => r.kind },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (r) => r.minor,
    text: ({ minor, currency }) =>
      minor === null || currency === null ? '' : formatMoney({ minor, currency }),
    align: 'right',
  },
  { name: 'currency', header: 'CURRENCY', value: (r) => r.currency, wide: true },
  { name: 'issued_on', header: 'ISSUED', value: (r) => r.issuedOn },
  { name: 'receipt', header: 'ID', value: (r) => r.id, isId: true },
];

export const CARD_COLUMNS: Column<DonorCard>[] = [
  { name: 'brand', header: 'CARD', value: (c) => c.brand },
  { name: 'last4', header: 'LAST FOUR', value: (c) => c.last4 },
  { name: 'saved_at', header: 'SAVED', value: (c) => c.savedAt },
  { name: 'last_used_at', header: 'LAST USED', value: (c) => c.lastUsedAt },
];

export const MAIL_COLUMNS: Column<DonorMail>[] = [
  { name: 'at', header: 'WHEN', value: (m) => m.at },
  { name: 'number', header: 'RECEIPT', value: (m) => m.receipt, whole: true },
  {
    name: 'status',
    header: 'STATUS',
    value: (m) => m.status,
    text: (m) => statusText(m.status),
    tone: (m) => statusTone(m.status),
  },
  { name: 'kind', header: 'KIND', value: (m) => m.kind },
  { name: 'recipient', header: 'TO', value: (m) => m.recipient },
  { name: 'evidence', header: 'EVIDENCE', value: (m) => m.evidence },
  { name: 'reason', header: 'WHY', value: (m) => m.reason },
  { name: 'delivery', header: 'DELIVERY', value: (m) => m.delivery, isId: true, wide: true },
];

export const DOUBLE_COLUMNS: Column<PossibleDouble>[] = [
  { name: 'donation', header: 'DONATION', value: (d) => d.donation, isId: true },
  { name: 'earlier_donation', header: 'LIKE', value: (d) => d.before, isId: true },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (d) => d.minor,
    text: (row) => formatMoney(row),
    align: 'right',
  },
  { name: 'currency', header: 'CURRENCY', value: (d) => d.currency, wide: true },
  {
    name: 'apart_ms',
    header: 'APART',
    value: (d) => Math.round(d.apartMs),
    text: (d) => formatDuration(d.apartMs),
    align: 'right',
  },
];

const field = (name: string, value: (page: DonorPage) => unknown): Column<DonorPage> => ({
  name,
  header: name.replaceAll('_', ' ').toUpperCase(),
  value,
});

const rows = <Row>(columns: Column<Row>[], all: Row[]) => all.map((row) => toRecord(columns, row));

/** One donor with all that is known, for scripts. */
export const DONOR_FIELDS: Column<DonorPage>[] = [
  field('donor', (d) => ({ id: d.id, name: d.name, email: d.emails[0] ?? null })),
  field('kind', (d) => d.kind),
  field('emails', (d) => d.emails),
  field('address', (d) => d.address),
  field('may_be_mailed', (d) => d.mayBeMailed),
  field('stripe_customer', (d) => d.customer),
  field('sources', (d) => d.sources.map(({ source, id }) => ({ source, source_id: id }))),
  field('created_at', (d) => d.createdAt),
  field('gift_count', (d) => d.giftCount),
  field('gifts', (d) => rows(DONATION_COLUMNS, d.gifts)),
  field('receipts', (d) => rows(RECEIPT_COLUMNS, d.receipts)),
  field('cards', (d) => rows(CARD_COLUMNS, d.cards)),
  field('mails', (d) => rows(MAIL_COLUMNS, d.mails)),
  field('possible_doubles', (d) => rows(DOUBLE_COLUMNS, d.doubles)),
];
