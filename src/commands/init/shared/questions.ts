import { settingProblem } from '../../../lib/config-schema.ts';

/** One thing that `donations init` has to know. */
export interface Question {
  setting: string;
  /** Without its dashes. */
  flag: string;
  text: string;
  /** Not shown while it is typed. */
  secret?: true;
  /** What an empty answer means. */
  fallback?: (answers: Answers) => string | undefined;
  /** Asked in the sandbox too. */
  always?: true;
}

/** What is known so far, by setting. */
export type Answers = Record<string, string>;

/** In the order in which they are asked: each is tested before the next. */
export const QUESTIONS: Question[] = [
  {
    setting: 'mode',
    flag: 'mode',
    text: 'Mode: sandbox (no accounts, play money), test or live',
    fallback: ({ 'stripe.secretKey': key }) =>
      key === undefined ? 'sandbox' : /^(sk|rk)_live_/.test(key) ? 'live' : 'test',
    always: true,
  },
  {
    setting: 'databaseUrl',
    flag: 'database-url',
    text: 'PostgreSQL URL; empty for a database of our own on this machine',
    fallback: () => '',
    always: true,
  },
  { setting: 'stripe.secretKey', flag: 'stripe-key', text: 'Stripe secret key', secret: true },
  { setting: 'sendgrid.apiKey', flag: 'sendgrid-key', text: 'SendGrid API key', secret: true },
  {
    setting: 'organization.legalName',
    flag: 'legal-name',
    text: 'The organisation as it stands on receipts',
  },
  {
    setting: 'organization.address',
    flag: 'address',
    text: 'Its address, with | between lines',
  },
  { setting: 'organization.taxId', flag: 'tax-id', text: 'Its tax number' },
  { setting: 'organization.email', flag: 'email', text: 'Where donors may write to' },
  {
    setting: 'organization.country',
    flag: 'country',
    text: 'Its country as two letters',
    fallback: () => 'US',
  },
  {
    setting: 'organization.timeZone',
    flag: 'time-zone',
    text: 'Its time zone',
    fallback: () => new Intl.DateTimeFormat().resolvedOptions().timeZone,
  },
  {
    setting: 'receipts.from.email',
    flag: 'from-email',
    text: 'The sender of receipts, verified at SendGrid',
    fallback: (answers) => answers['organization.email'],
  },
  {
    setting: 'receipts.from.name',
    flag: 'from-name',
    text: "The sender's name",
    fallback: (answers) => answers['organization.legalName'],
  },
];

/** What is wrong with an answer by itself; undefined when nothing is. */
export const answerProblem = ({ setting, fallback }: Question, answer: string) =>
  answer === '' && fallback?.({}) === '' ? undefined : settingProblem(setting, answer);

/** What the file is to say: an address is a list there, and what is empty is left out. */
export const toValues = (answers: Answers): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(answers).flatMap(([name, answer]) => {
      if (answer === '') return [];
      return [[name, name === 'organization.address' ? answer.split(/\s*\|\s*/) : answer]];
    }),
  );
