import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Fonts } from '../../src/lib/pdf/fonts.ts';
import { breakLines } from '../../src/lib/pdf/line.ts';
import { describeStatement } from '../../src/lib/receipts/describe.ts';
import { createPdfMaker } from '../../src/lib/receipts/make-pdf.ts';
import { createFormatters, SAMPLE } from '../../src/lib/receipts/templates.ts';
import { giftFacts } from '../support/gift-facts.ts';

const pdf = createPdfMaker(createFormatters());
const dir = mkdtempSync(join(tmpdir(), 'donations-pdf-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const poppler = (...args: string[]) => execFileSync(args[0] as string, args.slice(1)).toString();
const hasPoppler = spawnSync('pdftotext', ['-v']).error === undefined;
const save = (bytes: Buffer) => {
  const file = join(dir, 'it.pdf');
  writeFileSync(file, bytes);
  return file;
};
/** The text as a reader selects it, without the marks of direction. */
const textOf = (bytes: Buffer) =>
  poppler('pdftotext', '-layout', save(bytes), '-').replace(/[\u202a-\u202e]/g, '');
const named = (name: string) => ({
  content: { ...SAMPLE, mode: 'live' as const, donor: { ...SAMPLE.donor, name } },
  copy: false,
});

describe.skipIf(!hasPoppler)('a receipt as PDF', () => {
  it('says what the mail says, as text', async () => {
    const text = textOf(
      await pdf([{ content: { ...SAMPLE, replaces: '2026-000041' }, copy: true }]),
    );
    for (const part of [
      'Harbor Lights Foundation',
      'SANDBOX: no money moved. This is not a receipt.',
      'No. 2026-000042',
      'This receipt cancels and replaces receipt 2026-000041.',
      'COPY of a receipt',
      '$250.25 USD',
      'two hundred fifty US dollars and 25/100',
      'November 23, 2026',
      'Ada Lovelace',
      '1 Analytical Way',
      'Visa ending in 4242',
      'No goods or services were provided',
    ])
      expect(text).toContain(part);
  });

  it.each([
    'Zoë Łukasiewicz-Đặng',
    'Ольга Жукова',
    'Αριστοτέλης Παπαδόπουλος',
    'محمد علي بن أحمد',
    'שלמה כהן',
    'नमस्ते',
    '张伟',
    '張偉',
    '山田さくら サクラ',
    '김민준',
    'Mr 张伟 and Ольга Жукова',
  ])('has the characters of %s', async (name) => {
    const bytes = await pdf([named(name)]);
    expect(textOf(bytes)).toContain(name);
    // Every font is embedded, as a subset, with the characters that its glyphs stand for.
    const fonts = poppler('pdffonts', save(bytes)).trim().split('\n').slice(2);
    expect(fonts.length).toBeGreaterThan(0);
    for (const font of fonts) expect(font).toMatch(/ yes yes yes /);
    expect(bytes.length).toBeLessThan(120_000);
  });

  it('replaces what no font has, and breaks what is longer than a page', async () => {
    expect(textOf(await pdf([named('Ada 😀 Lovelace')]))).toContain('Ada � Lovelace');
    const long = textOf(await pdf([named('abcdefghij'.repeat(1000))]));
    expect(long.replace(/\s/g, '')).toContain('abcdefghij'.repeat(1000));
    expect(long).toContain('Please keep this receipt');
  });

  it('orders text from right to left, with its brackets and numbers, on a line', async () => {
    const fonts = await Fonts.load();
    const lines = breakLines('محمد (القاهرة) 12', fonts, 1000, ({ text }) => text.length);
    expect(lines[0]?.runs.map(({ text }) => text)).toEqual(['12', ' (', 'القاهرة', ') ', 'محمد']);
  });

  it('puts each of several on its own page', async () => {
    const text = textOf(await pdf([named('Ada'), named('Grace'), named('Olga')]));
    const pages = text.split('\f').slice(0, 3);
    expect(pages.map((page) => /Ada|Grace|Olga/.exec(page)?.[0])).toEqual(['Ada', 'Grace', 'Olga']);
  });

  it('lists the gifts of a statement, with their totals', async () => {
    const gifts = Array.from({ length: 60 }, (_, i) =>
      giftFacts({ id: `don_${i}`, amountMinor: 1000n + BigInt(i), fund: `Fund ${i}` }),
    );
    const content = { ...describeStatement(2026, gifts, null), number: 'S2026-000001' };
    const text = textOf(await pdf([{ content, copy: false }]));
    expect(text.split('\f').length).toBeGreaterThan(2);
    expect(text).toContain('Statement of gifts in 2026');
    expect(text.match(/November 23, 2026/g)).toHaveLength(60);
    expect(text).toContain('Fund 59');
    expect(text).toMatch(/Total +\$617\.70 USD/);
  });
});

it('gives the same bytes for the same receipt', async () => {
  expect(await pdf([named('Ольга 张')])).toEqual(await pdf([named('Ольга 张')]));
});

it('can be made of any text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (name) => {
      expect((await pdf([named(name)])).subarray(0, 5).toString()).toBe('%PDF-');
    }),
    { numRuns: 25 },
  );
});
