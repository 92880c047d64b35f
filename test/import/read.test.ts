import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { writeXlsx } from 'hucre/xlsx';
import { describe, expect, it } from 'vitest';
import { openSource } from '../../src/lib/imports/read/source.ts';
import { openTable, type TableOptions } from '../../src/lib/imports/read/table.ts';
import { runCli } from '../support/cli.ts';
import { checkFile, file, giftOf, scratch, workbookOf } from './support.ts';

const HEADER = ['Date', 'Donor', 'Amount', 'Note'];
const countKnown = (cells: string[]) => cells.filter((cell) => HEADER.includes(cell.trim())).length;

async function read(path: string, options: Partial<TableOptions> = {}) {
  const source = await openSource(path, process.stdin);
  try {
    const table = await openTable(source, { countKnown, ...options });
    const rows: { line: number; cells: unknown[] }[] = [];
    const leftOut: [number, string][] = [];
    for await (const batch of table.rows((line, why) => leftOut.push([line, why])))
      rows.push(...batch);
    return { table, rows, leftOut };
  } finally {
    source.close();
  }
}

const encode = (text: string, encoding: string): Buffer => {
  if (encoding === 'utf-16le')
    return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
  if (encoding === 'utf-16be')
    return Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(text, 'utf16le').swap16()]);
  return Buffer.from(encoding === 'bom' ? `\ufeff${text}` : text);
};

describe('any table in any dialect comes back equal', () => {
  const cell = fc
    .string({ unit: 'grapheme', maxLength: 20 })
    .map((text) => text.replaceAll('\0', '').replaceAll('\ufeff', ''))
    .filter((text) => !/\p{Cs}/u.test(text));
  const gift = fc.tuple(
    fc.constant('2026-11-02'),
    cell.map((text) => `x${text.replaceAll('\\', '/')}y`),
    fc.integer({ min: 1, max: 999_999 }).map((minor) => (minor / 100).toFixed(2)),
    cell.map((text) => `n${text.replaceAll('\\', '/')}`),
  );

  it('whatever delimiter, line end, quoting and encoding', async () => {
    const folder = scratch();
    await fc.assert(
      fc.asyncProperty(
        fc.array(gift, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.constantFrom('utf-8', 'bom', 'utf-16le', 'utf-16be'),
        fc.boolean(),
        async (gifts, delimiter, end, quoteAll, encoding, packed) => {
          const write = (text: string) =>
            quoteAll || /["\r\n]|^\s|\s$/.test(text) || text.includes(delimiter)
              ? `"${text.replaceAll('"', '""')}"`
              : text;
          const text = `${[HEADER, ...gifts].map((cells) => cells.map(write).join(delimiter)).join(end)}${end}`;
          const bytes = encode(text, encoding);
          const path = file(packed ? gzipSync(bytes) : bytes, 'any.csv', folder);
          const { rows } = await read(path);
          expect(rows.map(({ cells }) => cells)).toEqual(gifts);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('tables within files', () => {
  it('finds the header, counts lines over breaks in cells, leaves out what is no row', async () => {
    const { rows, leftOut, table } = await read(
      file(
        'Deposits\n\nDate,Donor,Amount,Note\n2026-11-02,Ada,5,"one\ntwo"\n\n2026-11-03,Bob,6,\nDate,Donor,Amount,Note\n2026-11-04,Cy,7,\nTotal,,18,\nEnd of report\n',
      ),
    );
    expect(table.headerLine).toBe(3);
    expect(rows.map(({ line }) => line)).toEqual([4, 7, 9]);
    expect(leftOut).toEqual([
      [1, 'above the header'],
      [8, 'the header again'],
      [10, 'a total line'],
      [11, 'a single text, not a row'],
    ]);
  });

  it('numbers columns of one name', async () => {
    const { table } = await read(file('Date,Amount,Note,Note,\n2026-11-02,5,a,b,\n'));
    expect(table.header).toEqual(['Date', 'Amount', 'Note', 'Note (2)']);
  });

  it('decodes Windows-1252 though the first megabyte was ASCII', async () => {
    const ascii = `Date,Donor,Amount,Note\n${'2026-11-02,Ada,5,x\n'.repeat(30_000)}`;
    const path = file(
      Buffer.concat([Buffer.from(ascii), Buffer.from('2026-11-02,J\xfcrgen,5,x\n', 'latin1')]),
    );
    const { rows } = await read(path);
    expect(rows.at(-1)?.cells[1]).toBe('Jürgen');
  });
});

describe('workbooks', () => {
  it('means what its cells mean: days, numbers, the value of a formula, the sheet that is named', async () => {
    const bytes = await writeXlsx({
      sheets: [
        { name: 'Notes', rows: [['nothing here']] },
        {
          name: 'Gifts',
          rows: [
            ['Date', 'Donor', 'Amount', 'Currency', 'Method', 'Zip'],
            [new Date(Date.UTC(2026, 10, 2)), 'Ada', 19.99, 'USD', 'Cash', '07105'],
            [new Date(Date.UTC(2026, 10, 3)), 'Bob', 1.1 + 2.2, 'USD', 'Cash', ''],
          ],
        },
      ],
    });
    const { rows } = await checkFile(file(Buffer.from(bytes), 'gifts.xlsx'), { sheet: 'Gifts' });
    expect(rows.map(giftOf)).toMatchObject([
      { giftOn: '2026-11-02', amountMinor: 1999n, donor: { postcode: '07105' } },
      { giftOn: '2026-11-03', amountMinor: 330n },
    ]);
    await expect(
      checkFile(file(Buffer.from(bytes), 'gifts.xlsx'), { sheet: 'Nowhere' }),
    ).rejects.toThrow(/no sheet Nowhere/);
  });
});

describe('workbooks as Excel writes them', () => {
  const cells = (row: number, ...xml: string[]) => `<row r="${row}">${xml.join('')}</row>`;
  const header = cells(
    1,
    ...['Date', 'Donor', 'Amount', 'Currency', 'Method', 'Note'].map(
      (name) => `<c t="inlineStr"><is><t>${name}</t></is></c>`,
    ),
  );

  it('texts that are shared, in parts, with readings, escaped; the value of a formula; empty cells', async () => {
    const path = file(
      workbookOf({
        rows: `${header}${cells(
          3,
          '<c r="A3" s="1"><v>46328</v></c><c r="B3" t="s"><v>1</v></c>',
          '<c r="C3"><f>2*10</f><v>20.5</v></c><c r="D3" t="str"><f>"US"&amp;"D"</f><v>USD</v></c>',
          '<c r="E3" t="s"><v>0</v></c><c r="F3" t="s"><v>2</v></c>',
        )}`,
        strings:
          '<si><t>Cash</t></si><si><r><rPr><b/></rPr><t>Ada &amp; </t></r><r><t xml:space="preserve">Bob</t></r><rPh sb="0" eb="1"><t>reading</t></rPh></si><si><t>one_x000D_two</t></si>',
      }),
      'excel.xlsx',
    );
    const { rows } = await checkFile(path);
    expect(rows.map(({ line }) => line)).toEqual([3]);
    expect(rows.map(giftOf)).toMatchObject([
      {
        giftOn: '2026-11-02',
        amountMinor: 2050n,
        currency: 'usd',
        method: 'cash',
        donor: { name: 'Ada & Bob' },
        note: 'one\rtwo',
      },
    ]);
  });

  it('days from 1904 on, and rows without the empty cells at their end', async () => {
    const rows = `${header}${cells(2, '<c r="A2" s="1"><v>44866</v></c><c r="B2" t="s"><v>0</v></c><c r="C2"><v>5</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c>')}`;
    const strings = '<si><t>Ada</t></si><si><t>USD</t></si><si><t>Cash</t></si>';
    const { rows: read } = await checkFile(
      file(workbookOf({ rows, strings, date1904: true }), 'mac.xlsx'),
    );
    expect(read.map(giftOf)).toMatchObject([{ giftOn: '2026-11-02', donor: { name: 'Ada' } }]);
  });

  it('cells that only have a colour say nothing; one far away, or one without end, is refused', async () => {
    const gift = (more: string) =>
      `${header}${cells(2, `<c r="A2" s="1"><v>46328</v></c><c r="B2" t="s"><v>0</v></c><c r="C2"><v>5</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c>${more}`)}`;
    const strings = '<si><t>Ada</t></si><si><t>USD</t></si><si><t>Cash</t></si>';
    const check = (more: string) =>
      checkFile(file(workbookOf({ rows: gift(more), strings }), 'x.xlsx'));
    const { rows } = await check('<c r="XFD2" s="1"/>');
    expect(rows.map(giftOf)).toMatchObject([{ amountMinor: 500n }]);
    await expect(check('<c r="XFD2"><v>1</v></c>')).rejects.toThrow(
      /line 2 of the sheet has a cell in column 16,384/,
    );
    const endless = randomBytes(8_000_000).toString('hex');
    await expect(check(`<c r="F2" t="str"><v>${endless}</v></c>`)).rejects.toThrow(
      /a text of more than 4 MB/,
    );
  });

  it('200,000 rows with a million texts take little memory', async () => {
    const rows: string[] = [header];
    const strings: string[] = ['<si><t>USD</t></si><si><t>Cash</t></si>'];
    for (let i = 0; i < 200_000; i++) {
      const at = 2 + i * 4;
      for (const kind of ['Donor', 'Street', 'City', 'Thanks for everything, number'])
        strings.push(`<si><t>${kind} ${i}</t></si>`);
      rows.push(
        `<row><c s="1"><v>46328</v></c><c t="s"><v>${at}</v></c><c><v>${1 + (i % 100)}</v></c><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>${at + 3}</v></c></row>`,
      );
    }
    const folder = scratch();
    const path = file(
      workbookOf({ rows: rows.join(''), strings: strings.join('') }),
      'large.xlsx',
      folder,
    );
    const { code, stdout, stderr } = await runCli(['import', 'check', path, '--json'], {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        DONATIONS_DATA_DIR: folder,
        NODE_OPTIONS: '--max-old-space-size=64',
      },
    });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 200_000, rejected: 0 });
  }, 120_000);
});

describe('what is no table of gifts is refused in one line', () => {
  const refused = (path: string, why: RegExp) =>
    expect(checkFile(path)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(why),
    });

  it('a directory, no file, an empty one, a PDF, an old workbook', async () => {
    const folder = scratch();
    mkdirSync(`${folder}/d`);
    await refused(`${folder}/d`, /is a directory/);
    await refused(`${folder}/none.csv`, /no file/);
    await refused(file(''), /is empty/);
    await refused(file('%PDF-1.7'), /PDF/);
    await refused(file(Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 1])), /old Excel/);
  });

  it('a NUL, with its line', async () => {
    await refused(
      file('date,donor,amount\n2026-11-02,Ada,5\n2026-11-02,A\0b,5\n'),
      /line 3 has a NUL/,
    );
  });

  it('a line without end', async () => {
    await refused(file(`date,donor,amount\n${'x'.repeat(3_000_000)}`), /longer than 1,000,000/);
  });

  it('a quote that is never closed', async () => {
    await refused(
      file(`date,donor,amount\n2026-11-02,Ada,5\n2026-11-02,"Ada,5\n`),
      /line 3.*never closed/,
    );
  });

  it('a million columns', async () => {
    await refused(
      file(`date,amount,donor${',x'.repeat(400_000)}\n`),
      /400,003 columns|longer than/,
    );
  });

  it('no header', async () => {
    await refused(file('2026-11-02,Ada,5\n2026-11-03,Bob,6\n'), /has no header/);
  });

  it('gzip that ends too early', async () => {
    const packed = gzipSync('date,donor,amount\n2026-11-02,Ada,5\n'.repeat(5000));
    await refused(file(packed.subarray(0, packed.length / 2)), /damaged|gzip/);
  });

  it('a ZIP that is no workbook, or says that it unpacks to gigabytes', async () => {
    const workbook = Buffer.from(await writeXlsx({ sheets: [{ name: 'a', rows: [['Date']] }] }));
    const bomb = Buffer.from(workbook);
    const entry = bomb.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    bomb.writeUInt32LE(0xf0000000, entry + 24);
    await refused(file(bomb, 'bomb.xlsx'), /would unpack to/);
    await refused(file(workbook.subarray(0, workbook.length - 30), 'cut.xlsx'), /damaged/);
  });
});
