import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/lib/config.ts';
import type { CheckedRow } from '../../src/lib/imports/check/gift.ts';
import { openFile, type ReadingDeps, type ReadingOptions } from '../../src/lib/imports/open.ts';
import { openImportStore } from '../../src/lib/local/import-store.ts';

export const FIXTURES = new URL('./fixtures/', import.meta.url).pathname;

/** A folder of its own for a test's files and local store. */
export const scratch = () => mkdtempSync(join(tmpdir(), 'donations-import-'));

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
