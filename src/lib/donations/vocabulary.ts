import { type Filter, parseFilter } from '../filter/parse.ts';
import type { Vocabulary } from '../filter/vocabulary.ts';
import { DONATION_STATUSES, METHODS } from './donation.ts';

/** What a filter of donations can ask for. */
export const DONATION_TERMS = {
  donation: {
    kind: 'id',
    prefix: 'don_',
    about: 'id of the donation, or its beginning',
    example: 'donation:don_01jd2x',
  },
  donor: {
    kind: 'word',
    about: "a part of the donor's name, an e-mail address, or an id",
    example: 'donor:lovelace',
  },
  status: {
    kind: 'choice',
    values: [...DONATION_STATUSES, 'declined'],
    about: `${DONATION_STATUSES.join(', ')}, or declined (failed by the card)`,
    example: 'status:declined,failed',
  },
  amount: {
    kind: 'amount',
    about: 'the amount: exactly, or with > >= < <=',
    example: 'amount:>=100',
  },
  currency: { kind: 'word', about: 'the currency', example: 'currency:eur' },
  date: { kind: 'date', about: 'the day, month or year of the gift', example: 'date:2026-11' },
  received: { kind: 'date', about: 'when it was received', example: 'received:>=2026-11-23' },
  fund: { kind: 'word', about: 'a fund that it goes to', example: 'fund:gala' },
  campaign: { kind: 'word', about: 'the campaign', example: 'campaign:~spring' },
  method: { kind: 'choice', values: METHODS, about: METHODS.join(', '), example: 'method:check' },
  card: { kind: 'word', about: 'last four digits of the card', example: 'card:4242' },
  batch: {
    kind: 'id',
    prefix: 'bat_',
    about: 'the import that it came with',
    example: 'batch:bat_01jd2x',
  },
  source: {
    kind: 'word',
    about: "another system, or that system's id of the gift",
    example: 'source:salesforce',
  },
  request: { kind: 'word', about: 'the name of its request', example: 'request:form-4711' },
  since: { kind: 'time', about: 'recorded no longer ago than this', example: 'since:2h' },
} as const satisfies Vocabulary;

export type DonationTerm = keyof typeof DONATION_TERMS;
export type DonationFilter = Filter<DonationTerm>;

/**
 * Reads a filter of donations.
 * @throws UserError `usage`.
 */
export const parseDonationFilter = (text: string): DonationFilter =>
  parseFilter<DonationTerm>(text, DONATION_TERMS);
