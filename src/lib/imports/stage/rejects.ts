import type { LocalStore } from '../../local/sqlite.ts';
import { csvCell } from '../csv-cell.ts';
import { OWN_COLUMNS } from '../map/mapping.ts';
import type { StagedBatch } from './batches.ts';
import { pagesOfRows } from './rows.ts';

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
