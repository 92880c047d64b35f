import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReceiptContent } from '../../src/lib/receipts/content.ts';
import { receiptMessage, renderReceipt } from '../../src/lib/receipts/message.ts';
import { loadTemplates, SAMPLE } from '../../src/lib/receipts/templates.ts';
import { createAmountWriter } from '../../src/lib/receipts/words.ts';

const templates = await loadTemplates(undefined);
const render = (rest: Partial<ReceiptContent> = {}, copy = false) =>
  renderReceipt({ ...SAMPLE, ...rest }, templates, { copy });
const donor = (name: string) => ({ ...SAMPLE.donor, name });

describe('the amount in words', () => {
  const words = createAmountWriter();
  it.each([
    [5000n, 'usd', 'fifty US dollars'],
    [5025n, 'usd', 'fifty US dollars and 25/100'],
    [100n, 'usd', 'one US dollar'],
    [105n, 'usd', 'one US dollar and 05/100'],
    [50n, 'usd', 'zero US dollars and 50/100'],
    [99_999_999n, 'eur', /^nine hundred ninety[- ]nine thousand .* euros and 99\/100$/],
    [1000n, 'jpy', 'one thousand Japanese yen'],
    [1n, 'jpy', 'one Japanese yen'],
    [1250n, 'bhd', 'one Bahraini dinar and 250/1000'],
    [2050n, 'bhd', 'two Bahraini dinars and 050/1000'],
  ])('%s %s', (minor, currency, text) => {
    expect(words({ minor, currency })).toEqual(
      text instanceof RegExp ? expect.stringMatching(text) : text,
    );
  });

  it('is exact beyond 2^53', () => {
    expect(words({ minor: 9_007_199_254_740_993n, currency: 'jpy' })).toMatch(
      /nine hundred ninety[- ]three Japanese yen$/,
    );
  });
});

describe('a receipt', () => {
  it('says everything that it must, in each part', () => {
    const { html, text, subject } = render();
    expect(subject).toBe(
      '[SANDBOX] Your donation receipt 2026-000042 from Harbor Lights Foundation',
    );
    for (const part of [html, text]) {
      for (const fact of [
        '2026-000042',
        'Harbor Lights Foundation',
        '12 Quay Street',
        'Portland, ME 04101',
        '01-2345678',
        'Ada Lovelace',
        '1 Analytical Way',
        '$250.25 USD',
        'two hundred fifty US dollars and 25/100',
        'November 23, 2026',
        'Clean Water',
        'Spring Gala',
        'Visa ending in 4242',
        ...SAMPLE.statements,
        'don_sample',
      ]) {
        expect(part).toContain(fact);
      }
    }
  });

  it('leaves out what there is not', () => {
    const { html, text } = render({ fund: null, campaign: null, card: null });
    for (const part of [html, text]) expect(part).not.toMatch(/Fund\b(?!ation)|Campaign|Paid with/);
  });

  it('escapes once in HTML, and not at all in subject and text', () => {
    const { html, text, subject } = render({
      donor: donor(`O'Brien & <Sons>`),
      fund: '"A" & B',
      organization: { ...SAMPLE.organization, legalName: 'Us & <Them>' },
    });
    expect(html).toContain('Thank you, O&#x27;Brien &amp; &lt;Sons&gt;.');
    expect(html).toContain('&quot;A&quot; &amp; B');
    expect(html).not.toMatch(/<Sons>|<Them>|&amp;(amp|lt|gt|quot|#)/);
    expect(text).toContain(`Dear O'Brien & <Sons>,`);
    expect(text).toContain('"A" & B');
    expect(subject).toContain('from Us & <Them>');
    expect(subject + text).not.toMatch(/&(amp|lt|gt|quot|#)/);
  });

  it('takes no template code from a donor', () => {
    expect(render({ donor: donor('{{organization.tax_id}}') }).text).toContain(
      'Dear {{organization.tax_id}},',
    );
  });

  it('is SANDBOX in every mode but live', () => {
    for (const mode of ['sandbox', 'test'] as const) {
      const { subject, html, text } = render({ mode });
      for (const part of [subject, html, text]) expect(part).toContain('SANDBOX');
    }
    const { subject, html, text } = render({ mode: 'live' });
    expect(subject + html + text).not.toContain('SANDBOX');
  });

  it('says COPY when it is one, and only then', () => {
    const copy = render({}, true);
    expect(copy.subject).toContain('Copy of your donation receipt 2026-000042');
    for (const part of [copy.html, copy.text]) expect(part).toContain('COPY');
    const original = render();
    expect(original.subject + original.html + original.text).not.toMatch(/copy/i);
  });
});

it('lets no line break into subject or recipient', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'donations-templates-'));
  try {
    writeFileSync(join(dir, 'receipt.subject.hbs'), '\nFor {{donor.name}} of\n{{fund}}\n');
    const message = receiptMessage({
      content: { ...SAMPLE, donor: donor('Ada\r\nBcc: all@example.org'), fund: 'a\r\nX-Evil: 1' },
      templates: await loadTemplates(dir),
      config: {
        receipts: { from: { email: 'r@example.org', name: 'R' } },
        sendgrid: {},
      } as Parameters<typeof receiptMessage>[0]['config'],
      recipient: 'ada@example.org',
      copy: false,
      ids: { receiptId: 'rcp_1', donationId: 'don_1', deliveryId: 'dlv_1' },
    });
    expect(message.subject).toBe('For Ada Bcc: all@example.org of a X-Evil: 1');
    expect(message.to.name).toBe('Ada Bcc: all@example.org');
    expect(message.customArgs).toEqual({
      receipt_id: 'rcp_1',
      donation_id: 'don_1',
      delivery_id: 'dlv_1',
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe('templates of the organisation', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'donations-templates-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('take the place of ours, each by itself', async () => {
    writeFileSync(join(dir, 'receipt.text.hbs'), 'Merci {{donor.first_name}}: {{amount}}');
    const { text, html } = renderReceipt(SAMPLE, await loadTemplates(dir), { copy: false });
    expect(text).toBe('Merci Ada: $250.25 USD');
    expect(html).toBe(render().html);
  });

  it.each([
    ['receipt.text.hbs', '{{#if copy}} never closed'],
    ['receipt.html.hbs', 'Hello {{donor.nmae}}'],
    ['receipt.subject.hbs', '{{no_such_helper amount}}'],
  ])('%s that is broken is named', async (name, source) => {
    writeFileSync(join(dir, name), source);
    await expect(loadTemplates(dir)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(join(dir, name)),
    });
  });

  it.each([
    '{{#if copy}}COPY{{else if fund}}to {{fund}}{{else}}{{amount}}{{/if}}',
    '{{#each donor.address}}{{@index}} {{this}} {{../number}} {{@root.amount}}{{/each}}',
    '{{#each donor.address as |line i|}}{{i}}{{line}}{{#unless @last}}, {{/unless}}{{/each}}',
    '{{#with organization}}{{legal_name}} {{this.tax_id}} {{../donor.name}}{{/with}}',
    '{{! a remark }}{{donor.address}} {{donor.address.length}}',
  ])('may say %s', async (source) => {
    writeFileSync(join(dir, 'receipt.text.hbs'), source);
    const { text } = renderReceipt(SAMPLE, await loadTemplates(dir), { copy: false });
    expect(text).not.toBe('');
  });

  it.each([
    ['{{#if misspelt}}x{{/if}}', 1, 'there is no field "misspelt"'],
    ['{{#if copy}}\n{{else}}\n{{fnud}}{{/if}}', 3, 'there is no field "fnud"'],
    ['{{#if sandbox}}{{/if}}\n\n{{#unless donor.nmae}}x{{/unless}}', 3, '"donor.nmae"'],
    ['{{#each donors}}x{{/each}}', 1, '"donors"'],
    ['{{#each donor.address}}\n{{name}}{{/each}}', 2, '"name"'],
    ['{{#each donor.name}}x{{/each}}', 1, 'is not a list'],
    ['{{#with organization}}{{legal}}{{/with}}', 1, '"legal"'],
    ['{{#each donor.address as |line|}}{{lime}}{{/each}}', 1, '"lime"'],
    ['{{../number}}', 1, 'further up'],
    ['{{@index}}', 1, '"@index"'],
    ['{{constructor}}', 1, '"constructor"'],
    ['{{donor.__proto__.x}}', 1, '"donor.__proto__.x"'],
    ['{{donor}}', 1, 'group of fields'],
    ['{{#fund}}x{{/fund}}', 1, 'neither if nor each'],
    ['{{lookup donor "name"}}', 1, 'no helper "lookup"'],
    ['{{log amount}}', 1, 'no helper "log"'],
    ['{{#if (lookup donor "name")}}x{{/if}}', 1, 'only names'],
    ['{{> other}}', 1, 'partials'],
    ['{{#*inline "x"}}y{{/inline}}', 1, 'partials and decorators'],
    ['{{"number"}}', 1, 'only names'],
    ['{{#if copy sandbox}}x{{/if}}', 1, 'takes one name'],
    ['a\nb {{#if copy}} c', 2, ''],
    ['{{mi\u001b[31mspelt}}', 1, ''],
  ])('is refused with line and field: %j', async (source, line, message) => {
    writeFileSync(join(dir, 'receipt.text.hbs'), source);
    const error = await loadTemplates(dir).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'configuration' });
    expect(error.message).toContain(`${join(dir, 'receipt.text.hbs')}:${line}: `);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\u001b');
  });

  it('must be escaped in HTML', async () => {
    writeFileSync(join(dir, 'receipt.html.hbs'), '<b>{{{donor.name}}}</b>');
    await expect(loadTemplates(dir)).rejects.toThrow(/:1: \{\{\{donor\.name\}\}\} is not escaped/);
  });

  it.each([
    ['lists within lists', '{{#each @root.donor.address}}'.repeat(12) + '{{/each}}'.repeat(12)],
    ['blocks within blocks', '{{#if fund}}'.repeat(4000) + '{{/if}}'.repeat(4000)],
    ['a book', 'x'.repeat(70_000)],
    [
      'a book in a list',
      `{{#each donor.address}}{{#each ../donor.address}}${'x'.repeat(60_000)}{{/each}}{{/each}}`,
    ],
  ])('is bounded: %s', async (_what, source) => {
    writeFileSync(join(dir, 'receipt.text.hbs'), source);
    await expect(loadTemplates(dir)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/nested|characters|too long/),
    });
  });

  it('is a file', async () => {
    mkdirSync(join(dir, 'receipt.text.hbs'));
    await expect(loadTemplates(dir)).rejects.toThrow(/is not a file/);
  });
});
