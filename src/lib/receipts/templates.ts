import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Handlebars from 'handlebars';
import { configurationError, UserError } from '../errors.ts';
import { createMoneyFormatter } from '../money.ts';
import { brokenCharacter, safeLine } from '../text.ts';
import { checkTemplate, MAX_SOURCE, TemplateProblem } from './check-template.ts';
import type { ReceiptContent } from './content.ts';
import { type ReceiptView, type ViewFormatters, viewReceipt } from './view.ts';
import { createAmountWriter } from './words.ts';

/** The parts of a mail as they are written: Handlebars. */
export interface TemplateSources {
  subject: string;
  html: string;
  text: string;
}

/** The parts of a mail, ready to use. */
export interface MailTemplates {
  sources: TemplateSources;
  subject: (view: ReceiptView) => string;
  html: (view: ReceiptView) => string;
  text: (view: ReceiptView) => string;
}

/** The mails that have templates of their own. */
type MailName = 'receipt' | 'refund' | 'statement';

/** The templates of each mail, and the formatters that go with them. */
export interface ReceiptTemplates extends Record<MailName, MailTemplates> {
  format: ViewFormatters;
}

/** The templates that a receipt is written with. */
export const templatesFor = (
  { form }: ReceiptContent,
  templates: ReceiptTemplates,
): MailTemplates =>
  form === 'refund'
    ? templates.refund
    : form === 'annual'
      ? templates.statement
      : templates.receipt;

/**
 * Reads and compiles the templates once. Files in `dir` take the place of ours. Each is
 * tried on a sample, so that a mistake shows when a worker starts and not when a receipt is due.
 *
 * @throws UserError `configuration` that names the file and what is wrong in it.
 */
export async function loadTemplates(dir: string | undefined): Promise<ReceiptTemplates> {
  const format = createFormatters();
  const example = viewReceipt(COMPLETE, format, { copy: true });
  const load = async (name: MailName, part: keyof TemplateSources) => {
    const { path, source } = await readTemplate(dir, `${name}.${part}.hbs`);
    try {
      checkTemplate(source, example, { html: part === 'html' });
      compile(source, part)(example);
    } catch (error) {
      const { message } = error as Error;
      const [line, hint] =
        error instanceof TemplateProblem ? [`:${error.line}`, error.hint] : ['', undefined];
      throw configurationError(
        `${path}${line}: ${safeLine(message.split('\n')[0] ?? '')}`,
        `${hint ? `${hint}\n` : ''}What a template may use is listed in docs/receipts.md.`,
      );
    }
    return source;
  };
  const loadAll = async (name: MailName): Promise<MailTemplates> => {
    const [subject, html, text] = await Promise.all([
      load(name, 'subject'),
      load(name, 'html'),
      load(name, 'text'),
    ]);
    return compileMail({ subject, html, text });
  };
  const [receipt, refund, statement] = await Promise.all([
    loadAll('receipt'),
    loadAll('refund'),
    loadAll('statement'),
  ]);
  return { receipt, refund, statement, format };
}

/** What puts amounts and dates into words. */
export const createFormatters = (): ViewFormatters => ({
  money: createMoneyFormatter(),
  words: createAmountWriter(),
  date: createDateFormatter(),
});

/** Templates that were checked before, ready to use. */
export const compileMail = (sources: TemplateSources): MailTemplates => ({
  sources,
  subject: compile(sources.subject, 'subject'),
  html: compile(sources.html, 'html'),
  text: compile(sources.text, 'text'),
});

// Escaped once, in HTML; a subject or plain text with `&amp;` in it would be wrong.
const compile = (source: string, part: keyof TemplateSources) =>
  Handlebars.compile<ReceiptView>(source, { strict: true, noEscape: part !== 'html' });

async function readTemplate(
  dir: string | undefined,
  name: string,
): Promise<{ path: string; source: string }> {
  if (dir) {
    const path = join(dir, name);
    try {
      return { path, source: await readText(path) };
    } catch (error) {
      if (error instanceof UserError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') throw configurationError(`${path} cannot be read (${code})`);
    }
  }
  // Next to this module in src, next to its chunk in dist.
  const path = fileURLToPath(new URL(`./templates/${name}`, import.meta.url));
  return { path, source: await readFile(path, 'utf8') };
}

async function readText(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile()) throw configurationError(`${path} is not a file`);
  if (found.size > 4 * MAX_SOURCE) throw configurationError(`${path} is too large for a template`);
  const source = await readFile(path, 'utf8');
  const broken = brokenCharacter(source);
  if (broken) throw configurationError(`${path} has ${broken}`, 'Save it as UTF-8 text.');
  return source;
}

function createDateFormatter() {
  const formats = new Map<string, Intl.DateTimeFormat>();
  return (day: string, locale: string) => {
    let format = formats.get(locale);
    if (!format) {
      format = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
      formats.set(locale, format);
    }
    return format.format(new Date(`${day}T00:00:00Z`));
  };
}

/** A receipt to show how they look. */
export const SAMPLE: ReceiptContent = {
  form: 'united-states',
  title: 'Donation receipt',
  property: null,
  details: [],
  statements: ['No goods or services were provided in exchange for this contribution.'],
  number: '2026-000042',
  replaces: null,
  mode: 'sandbox',
  organization: {
    legalName: 'Harbor Lights Foundation',
    address: ['12 Quay Street', 'Portland, ME 04101', 'USA'],
    taxId: '01-2345678',
    email: 'giving@harborlights.example',
    country: 'US',
  },
  donor: {
    id: 'dnr_sample',
    name: 'Ada Lovelace',
    email: 'ada@example.org',
    address: ['1 Analytical Way', 'London'],
  },
  donationId: 'don_sample',
  amountMinor: '25025',
  currency: 'usd',
  deductibleMinor: '25025',
  receivedOn: '2026-11-23',
  issuedOn: '2026-11-23',
  fund: 'Clean Water',
  campaign: 'Spring Gala',
  card: { brand: 'visa', last4: '4242' },
  locale: 'en-US',
  statement: null,
};

/** A receipt that has everything a receipt may have: templates are tried on it. */
const COMPLETE: ReceiptContent = {
  ...SAMPLE,
  replaces: '2026-000041',
  details: [{ label: 'Place of issue', value: 'Portland' }],
  statement: {
    year: 2026,
    gifts: [
      {
        donationId: 'don_sample',
        receivedOn: '2026-11-23',
        amountMinor: '25025',
        currency: 'usd',
        property: null,
        deductibleMinor: '25025',
        fund: 'Clean Water',
        note: 'Received in return: a dinner',
      },
    ],
  },
};
