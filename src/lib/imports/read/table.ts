import { UserError, usageError } from '../../errors.ts';
import { grouped } from '../../output/text.ts';
import type { Cell, RawRow } from './cells.ts';
import { readCsv } from './csv.ts';
import { type Dialect, detectDialect } from './dialect.ts';
import { decode, detectEncoding, type Encoding } from './encoding.ts';
import type { Source } from './source.ts';
import { openXlsx } from './xlsx.ts';

export interface TableOptions {
  sheet?: string | undefined;
  encoding?: Encoding | undefined;
  delimiter?: string | undefined;
  /** Where the names of the columns stand. */
  headerLine?: number | undefined;
  /** How many cells of a row are names of columns that the caller knows. */
  countKnown: (cells: string[]) => number;
}

/** A table within a file: one header, and rows below it. */
export interface Table {
  header: string[];
  headerLine: number;
  dialect: Dialect | undefined;
  encoding: Encoding | undefined;
  /** The first rows below the header. */
  sample: RawRow[];
  /** The data rows, in batches. `onLeftOut` hears of lines that are no rows. */
  rows(onLeftOut: (line: number, why: string, text: string) => void): AsyncGenerator<RawRow[]>;
}

const SAMPLE_BYTES = 256 * 1024;
const SAMPLE_ROWS = 60;
/** A header further down is not looked for. */
const HEADER_WITHIN = 40;
const MAX_COLUMNS = 2000;

/**
 * Finds the table in a file.
 * @throws UserError `usage` when there is none, or too wide a one.
 */
export async function openTable(source: Source, options: TableOptions): Promise<Table> {
  const { batches, dialect, encoding } = await reader(source, options);
  const sample: RawRow[] = [];
  try {
    for await (const batch of batches()) {
      sample.push(...batch);
      if (sample.length >= SAMPLE_ROWS) break;
    }
  } catch (error) {
    // Damage further down has its line told when it is reached; a header must be there first.
    if (sample.length === 0 || !(error instanceof UserError)) throw error;
  }
  const headerAt = findHeader(sample, source.name, options);
  const { cells, line: headerLine } = sample[headerAt] as RawRow;
  const header = uniqueNames(trimEnd(cells).map(String));
  if (header.length > MAX_COLUMNS) throw tooWide(source.name, header.length);
  return {
    header,
    headerLine,
    dialect,
    encoding,
    sample: sample
      .slice(headerAt + 1)
      .filter(({ cells }) => cells.some(isFilled))
      .slice(0, 5),
    async *rows(onLeftOut) {
      const raw = cells.map(String);
      for await (const batch of batches()) {
        const rows: RawRow[] = [];
        for (const row of batch) {
          if (row.line <= headerLine) {
            if (row.line < headerLine && row.cells.some(isFilled))
              onLeftOut(row.line, 'above the header', row.cells.join(' ').trim());
            continue;
          }
          if (row.cells.length > MAX_COLUMNS)
            throw tooWide(`${source.name}, line ${row.line}`, row.cells.length);
          if (!row.cells.some(isFilled)) continue;
          const stray = strayLine(row.cells, raw);
          if (stray) onLeftOut(row.line, stray, row.cells.filter(isFilled).join(' '));
          else rows.push(source.kind === 'xlsx' ? widened(row, header.length) : row);
        }
        if (rows.length > 0) yield rows;
      }
    },
  };
}

async function reader(source: Source, { sheet, encoding, delimiter }: TableOptions) {
  if (source.kind === 'xlsx')
    return {
      batches: await openXlsx(source, sheet),
      dialect: undefined,
      encoding: undefined,
    };
  if (sheet !== undefined)
    throw usageError(`${source.name} is not a workbook and has no sheets`, 'Leave out --sheet.');
  const head = await source.head(SAMPLE_BYTES);
  const found = encoding ?? detectEncoding(head);
  let text = '';
  for await (const part of decode(onlyOne(head), found, source.name)) text += part;
  const dialect = detectDialect(text, delimiter);
  return {
    batches: () => readCsv(decode(source.bytes(), found, source.name), dialect, source.name),
    dialect,
    encoding: found,
  };
}

async function* onlyOne(head: Buffer): AsyncGenerator<Buffer> {
  // A character that is cut off at the end must not look like damage.
  let end = head.length;
  if (end === SAMPLE_BYTES) {
    const lastLine = head.lastIndexOf(0x0a);
    if (lastLine > 0) end = lastLine + 1 + (head[lastLine + 1] === 0 ? 1 : 0);
    else while (end > 0 && ((head[end - 1] as number) & 0x80) !== 0) end--;
  }
  yield head.subarray(0, end);
}

function findHeader(sample: RawRow[], name: string, options: TableOptions): number {
  if (options.headerLine !== undefined) {
    const at = sample.findIndex(({ line }) => line === options.headerLine);
    if (at >= 0) return at;
    throw usageError(
      `${name} has no line ${options.headerLine} among its first ${sample.length}`,
      'Check --header-line.',
    );
  }
  let best = -1;
  let most = 0;
  sample.slice(0, HEADER_WITHIN).forEach(({ cells }, at) => {
    const known = options.countKnown(cells.map(String));
    if (known > most) [best, most] = [at, known];
  });
  if (most >= 2 || (most === 1 && sample[best]?.cells.filter(isFilled).length === 1)) return best;
  // Unknown names are kept, so that a prompt can show them and ask what they mean.
  const widest = Math.max(...sample.map(({ cells }) => cells.filter(isFilled).length));
  const named = sample.findIndex(({ cells }) => {
    const filled = cells.filter(isFilled);
    return (
      filled.length === widest && widest > 1 && !filled.some((cell) => /\d/.test(String(cell)))
    );
  });
  if (named >= 0 && named < HEADER_WITHIN) return named;
  throw usageError(
    `${name} has no header: none of its first ${Math.min(sample.length, HEADER_WITHIN)} lines names a known column`,
    'Say where it is (--header-line N) and what its columns are (--map FILE); donations import template shows the names.',
  );
}

/** Spreadsheet programs leave out the empty cells at the end of a row. */
const widened = ({ line, cells }: RawRow, width: number): RawRow => ({
  line,
  cells: [...cells, ...Array<Cell>(Math.max(0, width - cells.length)).fill('')],
});

const isFilled = (cell: Cell) => typeof cell === 'number' || cell.trim() !== '';

function trimEnd(cells: Cell[]): Cell[] {
  let length = cells.length;
  while (length > 0 && !isFilled(cells[length - 1] as Cell)) length--;
  return cells.slice(0, length);
}

/** A name that comes again gets its number: `Amount`, `Amount (2)`. */
function uniqueNames(names: string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name, i) => {
    const trimmed = name.trim() || `Column ${i + 1}`;
    const count = (seen.get(trimmed) ?? 0) + 1;
    seen.set(trimmed, count);
    return count === 1 ? trimmed : `${trimmed} (${count})`;
  });
}

const TOTAL = /^(grand[\s-]*|sub-?|report\s*)?(totals?|sum|summe|gesamt)\b/i;

/** Why a line below the header is no row; undefined for a row. */
function strayLine(cells: Cell[], header: string[]): string | undefined {
  const filled = cells.filter(isFilled);
  const first = String(filled[0]).trim();
  if (TOTAL.test(first) && filled.length <= Math.max(2, header.length / 2)) return 'a total line';
  if (filled.length === 1 && header.length > 3 && cells.length < header.length)
    return 'a single text, not a row';
  if (
    cells.length >= 2 &&
    filled.length >= 2 &&
    header.every((name, i) => String(cells[i] ?? '').trim() === name.trim())
  )
    return 'the header again';
  return undefined;
}

const tooWide = (where: string, width: number) =>
  usageError(
    `${where} has ${grouped(width)} columns; a table of gifts has at most ${grouped(MAX_COLUMNS)}`,
    'Check the delimiter (--delimiter), or export fewer columns.',
  );
