import { UserError, usageError } from '../../errors.ts';
import { grouped } from '../../output/text.ts';
import type { Cell, RawRow } from './cells.ts';
import { readSharedStrings, SharedStrings, unescapeText } from './shared-strings.ts';
import type { Source } from './source.ts';
import { readWorkbook, type Workbook } from './workbook.ts';
import { readXml } from './xml.ts';
import { readDirectory, unpackEntry } from './zip.ts';

const MOST_COLUMNS = 2000;
/** The 31st of December 9999, as spreadsheets count days. */
const LAST_DAY = 2_958_465;

/**
 * Opens a sheet of a workbook. Only the shared texts and the styles are held in memory.
 * @param sheet its name, or its place from 1; the first when undefined.
 * @returns a function that reads its rows in batches, and can be called again: numbers as numbers, dates as
 *   `YYYY-MM-DD`, formulas by their value.
 * @throws UserError `usage`, here or while rows are read.
 */
export async function openXlsx(
  source: Source,
  sheet: string | undefined,
): Promise<() => AsyncGenerator<RawRow[]>> {
  const entries = await readDirectory(source);
  if (entries.has('xl/workbook.bin'))
    throw usageError(`${source.name} is a binary workbook (.xlsb)`, 'Save it as .xlsx, or as CSV.');
  if (!entries.has('[Content_Types].xml'))
    throw usageError(
      `${source.name} is a ZIP archive, but not a workbook`,
      'Unpack it, and give the file within.',
    );
  const empty = usageError(
    sheet === undefined
      ? `the first sheet of ${source.name} is empty`
      : `${source.name} has no sheet ${sheet}, or it is empty`,
    'Name the sheet, or its place from 1: --sheet.',
  );
  try {
    const workbook = await readWorkbook(source, entries);
    const entry = entries.get(findSheet(workbook, sheet) ?? '');
    if (!entry) throw empty;
    const shared = entries.get(workbook.sharedStrings ?? '');
    const strings = shared
      ? await readSharedStrings(unpackEntry(source, shared))
      : new SharedStrings();
    return async function* () {
      let some = false;
      try {
        for await (const rows of readRows(unpackEntry(source, entry), workbook, strings)) {
          if (rows.length === 0) continue;
          some = true;
          yield rows;
        }
      } catch (error) {
        throw asUnreadable(error, source);
      }
      if (!some) throw empty;
    };
  } catch (error) {
    throw asUnreadable(error, source);
  }
}

function asUnreadable(error: unknown, { name }: Source): UserError {
  if (error instanceof UserError) return error;
  return usageError(
    `cannot read ${name}: ${(error as Error).message}`,
    'Open it in a spreadsheet program and save it again, or save it as CSV.',
  );
}

/** The path of the sheet that the person names. */
function findSheet({ sheets }: Workbook, wanted: string | undefined): string | undefined {
  if (wanted === undefined) return sheets[0]?.path;
  const named = sheets.find(({ name }) => name === wanted);
  return (named ?? (/^\d+$/.test(wanted) ? sheets[Number(wanted) - 1] : undefined))?.path;
}

/** The rows of a sheet's XML: ECMA-376 Part 1, 18.3.1.73 (row), 18.3.1.4 (c) and 18.18.11 (t). */
async function* readRows(
  bytes: AsyncIterable<Buffer>,
  workbook: Workbook,
  strings: SharedStrings,
): AsyncGenerator<RawRow[]> {
  const { serialToDate } = await import('hucre');
  const toCell = (text: string, type: string, style: number): Cell => {
    if (type === 's') return strings.at(Number(text)) ?? '';
    if (type === 'str' || type === 'inlineStr') return unescapeText(text);
    if (type === 'b') return String(text === '1' || text === 'true');
    const number = Number(text);
    if (type === 'e' || text === '' || Number.isNaN(number)) return text;
    // A spreadsheet has no time zone; a day needs none.
    return workbook.isDay(style) && number >= 0 && number <= LAST_DAY
      ? serialToDate(number, workbook.from1904).toISOString().slice(0, 10)
      : number;
  };
  let rows: RawRow[] = [];
  let row: RawRow = { line: 0, cells: [] };
  let [column, type, style] = [-1, '', 0];
  let text = '';
  let isValue = false;
  let isReading = false;
  const reading = readXml(bytes, {
    open(name, { r, t, s }) {
      if (name === 'row') {
        row = { line: r ? Number(r) : row.line + 1, cells: [] };
        column = -1;
      } else if (name === 'c') {
        column = r ? columnOf(r) : column + 1;
        [type, style, text] = [t ?? 'n', Number(s ?? 0), ''];
      } else if (name === 'v' || name === 't') isValue = !isReading;
      else if (name === 'rPh') isReading = true;
    },
    text(part) {
      if (isValue) text += part;
    },
    close(name) {
      if (name === 'v' || name === 't') isValue = false;
      else if (name === 'rPh') isReading = false;
      else if (name === 'c') {
        // Cells with a format and no value are empty.
        if (text === '') return;
        if (column >= MOST_COLUMNS)
          throw usageError(
            `line ${row.line} of the sheet has a cell in column ${grouped(column + 1)}; a table of gifts has at most ${grouped(MOST_COLUMNS)} columns`,
            'Delete what is beside the table, or save the sheet as CSV.',
          );
        while (row.cells.length < column) row.cells.push('');
        row.cells[column] = toCell(text, type, style);
      } else if (name === 'row') rows.push(row);
    },
  });
  for await (const _ of reading) {
    yield rows;
    rows = [];
  }
  yield rows;
}

/** The column of a reference like `AB12`, from 0. */
function columnOf(reference: string): number {
  let column = 0;
  for (let i = 0; i < reference.length; i++) {
    const letter = reference.charCodeAt(i) - 64;
    if (letter < 1 || letter > 26) break;
    column = column * 26 + letter;
  }
  return column - 1;
}
