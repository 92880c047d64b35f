import type { LocalStore } from '../../local/sqlite.ts';
import { csvCell } from '../csv-cell.ts';
import { OWN_COLUMNS } from '../map/mapping.ts';
import type { StagedBatch } from './batches.ts';
import { pagesOfRows, type StagedRow } from './rows.ts';

/**
 * The rejected rows in the file's own columns, with the reasons before them: what is corrected there
 * can be imported as it is. Pieces of text, the first with the header.
 */
export function* rejectedRows(store: LocalStore, batch: StagedBatch): Generator<string> {
  const { header, delimiter } = batch.reading;
  const line = (cells: (string | number)[]) =>
    `${cells.map((cell) => csvCell(cell, delimiter)).join(delimiter)}\r\n`;
  // Spreadsheet programs know UTF-8 by its byte order mark.
  yield `\ufeff${line([...OWN_COLUMNS, ...header])}`;
  for (const rows of pagesOfRows(store, batch.id, ['rejected'])) {
    yield rows
      .map((row) => line([row.reasons.join('; '), row.line, ...(row.cells ?? [])]))
      .join('');
  }
}

/** The cells of a row by column name. The second column with the same name is `Name (2)`. */
export function cellsByColumn(
  { reading: { header } }: StagedBatch,
  { cells = [] }: StagedRow,
): Record<string, string> {
  const named = new Map<string, string>();
  for (const [i, cell] of cells.entries()) {
    const title = header[i] || `column ${i + 1}`;
    let name = title;
    for (let again = 2; named.has(name); again++) name = `${title} (${again})`;
    named.set(name, String(cell));
  }
  return Object.fromEntries(named);
}
