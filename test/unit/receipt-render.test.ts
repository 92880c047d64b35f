import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
});
