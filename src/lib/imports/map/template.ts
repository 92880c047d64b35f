import { FIELD_NAMES, type Field } from './fields.ts';

// Gifts that show what each column is for.
const EXAMPLES: Partial<Record<Field, string>>[] = [
  {
    amount: '250.00',
    currency: 'USD',
    gift_date: '2026-11-20',
    postmark_date: '2026-11-18',
    received_date: '2026-11-20',
    deposit_date: '2026-11-23',
    method: 'check',
    check_number: '001042',
    fund: 'Clean Water',
    campaign: 'Autumn 2026',
    appeal: 'Letter A',
    first_name: 'Ada',
    last_name: 'Lovelace',
    email: 'ada@example.org',
    street: '12 Main Street',
    city: 'Newark',
    state: 'NJ',
    postcode: '07105',
    country: 'US',
    source_id: 'A-1001',
  },
  {
    amount: '1000.00',
    currency: 'USD',
    gift_date: '2026-11-21',
    method: 'wire',
    fund: 'Clean Water',
    fund_amount: '600.00',
    fund_2: 'Schools',
    fund_2_amount: '400.00',
    organization: 'Analytical Engines Ltd',
    email: 'gifts@example.com',
    soft_credit: 'Charles Babbage',
    source_id: 'A-1002',
  },
];

/** The columns and two example gifts, as cells. */
export const templateRows = (): string[][] => [
  [...FIELD_NAMES],
  ...EXAMPLES.map((gift) => FIELD_NAMES.map((field) => gift[field] ?? '')),
];
