import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { usageError } from '../../errors.ts';
import { grouped } from '../../output/text.ts';
import type { RawRow } from './cells.ts';
import { type Dialect, LINE_ENDS } from './dialect.ts';

/** More than any gift needs, and little enough to be refused before memory ends. */
const MAX_RECORD = 1_000_000;
const BATCH = 500;

/**
 * Reads the records of a text in batches, each with the line on which it begins.
 * @throws UserError `usage`, with the line, for a record without end.
 */
export async function* readCsv(
  texts: AsyncIterable<string>,
  dialect: Dialect,
  name: string,
): AsyncGenerator<RawRow[]> {
  const parser = parse({
    ...dialect,
    record_delimiter: LINE_ENDS,
    relax_column_count: true,
    relax_quotes: true,
    // Counted: the numbers of lines must be right.
    skip_empty_lines: false,
    max_record_size: MAX_RECORD,
    bom: true,
  });
  const input = Readable.from(texts, { objectMode: true, highWaterMark: 2 });
  input.on('error', (error) => parser.destroy(error));
  input.pipe(parser);
  let line = 1;
  let batch: RawRow[] = [];
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      batch.push({ line, cells: record });
      line += 1;
      for (const cell of record)
        if (cell.length > 1 && /[\r\n]/.test(cell)) line += lineBreaks(cell);
      if (batch.length === BATCH) {
        yield batch;
        batch = [];
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (batch.length > 0) yield batch;
    throw usageError(`${name}, line ${line}: ${explain(error.code)}`, HINTS[error.code]);
  } finally {
    input.destroy();
    parser.destroy();
  }
  if (batch.length > 0) yield batch;
}

const lineBreaks = (cell: string) => cell.match(/\r\n|\n|\r/g)?.length ?? 0;

const HINTS: Record<string, string> = {
  CSV_MAX_RECORD_SIZE: 'Perhaps a quote is not closed, or this is no table of gifts.',
  CSV_QUOTE_NOT_CLOSED: 'Close the quote, or take it away.',
};

function explain(code: string): string {
  if (code === 'CSV_MAX_RECORD_SIZE')
    return `the row that begins here is longer than ${grouped(MAX_RECORD)} characters`;
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return 'the quote that opens in the row here is never closed';
  return `the row is not valid CSV (${code})`;
}
