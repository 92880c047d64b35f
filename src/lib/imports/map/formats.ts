import type { DateOrder } from '../check/dates.ts';
import { type Field, headerKey } from './fields.ts';

/** An export format that is recognised by its column names. */
export interface Format {
  name: string;
  title: string;
  /** Headers of which all must be there. */
  signature: string[];
  /** What its columns mean, where the name alone does not say so; null: nothing to us. */
  columns: Record<string, Field | null>;
  /** What is so of every row of it. */
  defaults?: Partial<Record<Field, string>>;
  dates?: DateOrder;
  /** How it writes amounts, whatever the organisation's locale. */
  locale?: string;
  /** Times of day in it are in this zone. */
  timeZone?: 'UTC';
}

/** Column names as the systems' own documentation and exports have them. */
export const FORMATS: Format[] = [
  {
    name: 'template',
    title: 'the template of donations',
    signature: ['amount', 'currency', 'gift_date', 'method', 'source_id'],
    columns: {},
  },
  {
    name: 'civicrm',
    title: 'CiviCRM contributions',
    signature: ['Contact ID', 'Contribution ID', 'Total Amount', 'Financial Type'],
    columns: {
      'Contact ID': 'donor_id',
      'Contribution ID': 'source_id',
      'Transaction ID': null,
      'Invoice Reference': null,
      'Invoice Number': null,
      'Contribution Source': null,
      Source: null,
      'Financial Type': null,
      'Date Received': 'gift_date',
      'Contribution Date': 'gift_date',
      'Net Amount': null,
      'Fee Amount': null,
      'Receipt Date': null,
      'Thank-you Date': null,
      'Display Name': 'donor_name',
      'Sort Name': null,
      Test: 'test_mode',
    },
    locale: 'en-US',
  },
  {
    name: 'npsp',
    title: 'Salesforce NPSP Data Import',
    signature: ['Donation Amount', 'Donation Date', 'Contact1 Last Name'],
    columns: {
      'Contact1 First Name': 'first_name',
      'Contact1 Firstname': 'first_name',
      'Contact1 Last Name': 'last_name',
      'Contact1 Lastname': 'last_name',
      'Contact1 Personal Email': 'email',
      'Contact1 Work Email': null,
      'Contact1 Preferred Email': null,
      'Contact1 Home Phone': null,
      'Contact1 Mobile Phone': null,
      'Account1 Name': 'organization',
      'Account1 Street': null,
      'Account1 City': null,
      'Home Street': 'street',
      'Home City': 'city',
      'Home State/Province': 'state',
      'Home Zip/Postal Code': 'postcode',
      'Home Country': 'country',
      'Donation Donor': 'donor_type',
      'Donation Name': null,
      'Donation Campaign Name': 'campaign',
      'Donation Description': 'note',
      'Donation Stage': 'status',
      'Donation Record Type Name': null,
      'Payment Method': 'method',
      'Payment Check/Reference Number': 'check_number',
      'Check/Reference Number': 'check_number',
      'GAU Allocation 1 GAU': 'fund',
      'GAU Allocation 1 Amount': 'fund_amount',
      'GAU Allocation 2 GAU': 'fund_2',
      'GAU Allocation 2 Amount': 'fund_2_amount',
      'Data Import ID': 'source_id',
    },
    defaults: { source: 'npsp' },
  },
  {
    name: 'givewp',
    title: 'GiveWP donations',
    signature: ['Donation Form', 'Donation Amount', 'Donation Date', 'Donation Status'],
    columns: {
      'Donation ID': 'source_id',
      'Donation Number': null,
      'Donation Form': 'campaign',
      'Form Title': 'campaign',
      'Form ID': null,
      'Donation Form ID': null,
      'Donation Total': null,
      'Donation Currencies': 'currency',
      'Currency Code': 'currency',
      'Donor ID': 'donor_id',
      'Payment Gateway': 'method',
      'Donation Time': null,
      // Of the employer: the person gives.
      'Company Name': null,
    },
    defaults: { source: 'givewp' },
  },
  {
    name: 'donorbox',
    title: 'Donorbox donations',
    signature: ["Donor's First Name", "Donor's Last Name", 'Donor Email', 'Amount'],
    columns: {
      Name: 'donor_name',
      'Donating Company': 'organization',
      'Amount Description': null,
      'Converted Amount': null,
      'Processing Fee': null,
      'Net Amount': null,
      'Donated At': 'gift_date',
      'Receipt Id': 'source_id',
      'Donation Type': 'method',
      'Stripe Charge Id': null,
      'Paypal Transaction Id': null,
      'Dedication Type': 'tribute_type',
      'Honoree Name': 'tribute_name',
      Employer: null,
    },
    defaults: { source: 'donorbox' },
  },
  {
    name: 'wikimedia',
    title: 'Wikimedia’s check imports',
    signature: ['Contribution Type', 'Total Amount', 'Postmark Date', 'Payment Instrument'],
    columns: {
      Batch: null,
      'Contribution Type': null,
      Source: null,
      'Received Date': 'received_date',
      'Gift Source': null,
      Restrictions: 'fund',
      'Direct Mail Appeal': 'appeal',
    },
    defaults: { source: 'wikimedia' },
    dates: 'mdy',
    locale: 'en-US',
  },
  {
    name: 'fidelity',
    title: 'Fidelity Charitable grants',
    signature: ['Grant Id', 'Grant Amount', 'Effective Date', 'Giving Account Name'],
    columns: {
      'Grant Id': 'source_id',
      'ACH Group Id': null,
      'Effective Date': 'gift_date',
      'Grant Amount': 'amount',
      'Special Purpose': 'note',
      'Recommended By': 'soft_credit',
      'Giving Account Name': null,
      'Addressee Name': null,
      // Of the adviser, who is not the donor.
      'Address Line 1': null,
      'Address 1': null,
      'Address 2': null,
      City: null,
      State: null,
      Zip: null,
      'Postal Code': null,
      Country: null,
    },
    // The sponsoring charity is the donor; its adviser is thanked.
    defaults: {
      method: 'daf',
      organization: 'Fidelity Charitable',
      currency: 'usd',
      source: 'fidelity',
    },
    dates: 'mdy',
    locale: 'en-US',
  },
  {
    name: 'benevity',
    title: 'Benevity disbursements',
    signature: ['Company', 'Project', 'Donation Date', 'Total Donation to be Acknowledged'],
    columns: {
      Company: 'match_organization',
      Project: null,
      'Total Donation to be Acknowledged': 'amount',
      'Match Amount': 'match_amount',
      'Cause Support Fee': null,
      'Merchant Fee': null,
      'Fee Comment': null,
      'Transaction ID': 'source_id',
      'Donation Frequency': null,
      'Project Remote ID': null,
      Activity: null,
      Source: null,
      Reason: null,
    },
    defaults: { source: 'benevity', method: 'other' },
    locale: 'en-US',
  },
  {
    name: 'stripe',
    title: 'Stripe payments',
    signature: ['id', 'Created (UTC)', 'Amount', 'Amount Refunded', 'Currency', 'Status'],
    columns: {
      id: null,
      'Created (UTC)': 'gift_date',
      'Created date (UTC)': 'gift_date',
      'PaymentIntent ID': 'source_id',
      'Customer Email': 'email',
      'Card Name': 'donor_name',
      'Customer ID': 'donor_id',
      'Converted Amount': null,
      'Converted Currency': null,
      'Converted Amount Refunded': null,
      Fee: null,
      Description: 'note',
      'Seller Message': null,
      'Amount Refunded': 'refunded_amount',
      'Invoice ID': null,
      Captured: null,
      Mode: null,
      'Card ID': null,
    },
    defaults: { source: 'stripe', method: 'card_offline' },
    dates: 'ymd',
    locale: 'en-US',
    timeZone: 'UTC',
  },
  {
    name: 'wires',
    title: 'a list of wires',
    signature: ['Beneficiary Account', 'Amount', 'Date Posted', 'Date Received'],
    columns: {
      'Beneficiary Account': null,
      'Date Posted': 'deposit_date',
      'Date Received': 'gift_date',
    },
    defaults: { method: 'wire' },
  },
];

/** The format whose signature the headers bear; of several the longest. */
export function recogniseFormat(headers: string[]): Format | undefined {
  const keys = new Set(headers.map(headerKey));
  return FORMATS.filter(({ signature }) =>
    signature.every((name) => keys.has(headerKey(name))),
  ).sort((a, b) => b.signature.length - a.signature.length)[0];
}
