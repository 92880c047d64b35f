import { Readable } from 'node:stream';
import { UserError, usageError } from '../../errors.ts';
import type { Cell, RawRow } from './cells.ts';
import type { Source } from './source.ts';
import { refuseZipBomb } from './zip.ts';

const BATCH = 500;

/**
 * Reads the rows of a sheet in batches: numbers as numbers, dates as `YYYY-MM-DD`, formulas by
 * their value.
 * @param sheet its name, or its place from 1; the first when undefined.
 * @throws UserError `usage`.
 */
export async function* readXlsx(
  source: Source,
  sheet: string | undefined,
): AsyncGenerator<RawRow[]> {
  const names = await refuseZipBomb(source);
  if (!names.includes('xl/workbook.xml') && !names.includes('xl/workbook.bin')) {
    throw usageError(
      `${source.name} is a ZIP archive, but not a workbook`,
      'Unpack it, and give the file within.',
    );
  }
  const { streamXlsxRows } = await import('hucre/xlsx');
  const bytes = Readable.toWeb(Readable.from(source.bytes())) as ReadableStream<Uint8Array>;
  const chosen = sheet === undefined ? 0 : /^\d+$/.test(sheet) ? Number(sheet) - 1 : sheet;
  let batch: RawRow[] = [];
  let some = false;
  try {
    for await (const { index, values } of streamXlsxRows(bytes, { sheet: chosen })) {
      batch.push({ line: index + 1, cells: values.map(toCell) });
      if (batch.length < BATCH) continue;
      some = true;
      yield batch;
      batch = [];
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw usageError(
      `cannot read ${source.name}: ${(error as Error).message}`,
      sheet === undefined
        ? 'Open it in a spreadsheet program and save it again, or save it as CSV.'
        : 'Check --sheet: the name of the sheet, or its place from 1.',
    );
  }
  if (batch.length > 0) yield batch;
  else if (!some)
    throw usageError(
      sheet === undefined
        ? `the first sheet of ${source.name} is empty`
        : `${source.name} has no sheet ${sheet}, or it is empty`,
      'Name the sheet, or its place from 1: --sheet.',
    );
}

function toCell(value: unknown): Cell {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'string') return value;
  // Times of day have no zone in a spreadsheet; days need none.
  if (value instanceof Date) return value.toISOString().slice(0, 10);
  return String(value);
}
