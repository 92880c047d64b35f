import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll } from 'vitest';
import { loadConfig } from '../../src/lib/config.ts';
import type { CheckedRow } from '../../src/lib/imports/check/gift.ts';
import { openFile, type ReadingDeps, type ReadingOptions } from '../../src/lib/imports/open.ts';
import { openImportStore } from '../../src/lib/local/import-store.ts';

export const FIXTURES = new URL('./fixtures/', import.meta.url).pathname;

/** A folder of its own for a test's files and local store. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'donations-import-'));
  folders.push(folder);
  return folder;
}
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** What reading needs, on the day when these tests were written. */
function deps(folder = scratch()): ReadingDeps {
  const { config } = loadConfig({
    env: { DONATIONS_DATA_DIR: folder, DONATIONS_ORGANIZATION_TIME_ZONE: 'America/New_York' },
    cwd: folder,
  });
  return {
    store: openImportStore(folder),
    config,
    clock: { now: () => new Date('2026-11-25T18:00:00Z') },
    stdin: process.stdin,
    cwd: folder,
  };
}

/** Writes a file. @returns its path. */
export function file(content: string | Buffer, name = 'gifts.csv', folder = scratch()): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

export interface Checked {
  line: number;
  row: CheckedRow;
}

/** Reads a file to its end and checks each row. */
export async function checkFile(path: string, options: ReadingOptions = {}) {
  const opened = await openFile(deps(), path, options);
  const rows: Checked[] = [];
  const leftOut: { line: number; why: string }[] = [];
  try {
    for await (const batch of opened.table.rows((line, why) => leftOut.push({ line, why })))
      for (const { line, cells } of batch) rows.push({ line, row: opened.check(cells) });
  } finally {
    opened.source.close();
  }
  return { rows, leftOut, mapping: opened.mapping, table: opened.table };
}

/** The first gift of a row; fails with the reasons if it has none. */
export function giftOf({ row, line }: Checked) {
  if (row.kind === 'gifts' && row.gifts[0]) return row.gifts[0];
  throw new Error(`line ${line} is ${row.kind}: ${JSON.stringify(row)}`);
}

export const reasonsOf = ({ row }: Checked) => (row.kind === 'rejected' ? row.reasons : []);

/** An archive with these entries, in their order. Checksums are left out: nothing here reads them. */
function zipOf(entries: Record<string, string>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(entries)) {
    const content = Buffer.from(text);
    const packed = deflateRawSync(content, { level: 1 });
    // What the local header and the entry of the directory have in common, from the flags on.
    const common = Buffer.alloc(24);
    common.writeUInt16LE(8, 2);
    common.writeUInt32LE(packed.length, 12);
    common.writeUInt32LE(content.length, 16);
    common.writeUInt16LE(name.length, 20);
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04\x14\0', 'latin1'),
      common,
      Buffer.from(name),
      packed,
    ]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([
        Buffer.from('PK\x01\x02\x14\0\x14\0', 'latin1'),
        common,
        place,
        Buffer.from(name),
      ]),
    );
    parts.push(local);
    offset += local.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

/** A workbook as Excel writes it: the sheet before the texts that its cells share. */
export const workbookOf = ({
  rows,
  strings,
  date1904 = false,
}: {
  /** XML within `sheetData`. */
  rows: string;
  /** XML within `sst`. */
  strings: string;
  date1904?: boolean;
}): Buffer =>
  zipOf({
    '[Content_Types].xml': '<Types/>',
    '_rels/.rels': `<Relationships><Relationship Id="rId1" Type="${RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `<workbook xmlns:r="${RELATIONS}"><workbookPr date1904="${Number(date1904)}"/><sheets><sheet name="Gifts" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships><Relationship Id="rId1" Type="${RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${RELATIONS}/sharedStrings" Target="/xl/sharedStrings.xml"/><Relationship Id="rId3" Type="${RELATIONS}/styles" Target="styles.xml"/></Relationships>`,
    'xl/worksheets/sheet1.xml': `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet><sheetData>${rows}</sheetData></worksheet>`,
    'xl/styles.xml':
      '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>',
    'xl/sharedStrings.xml': `<?xml version="1.0"?><sst>${strings}</sst>`,
  });
