import Table from 'cli-table3';
import { usageError } from '../errors.ts';
import { shownId } from '../ids.ts';
import { quoted, safeJson, safeLine } from '../text.ts';
import { fitColumns, SPACE_BETWEEN } from './columns.ts';
import { type Io, paint, print, printData, say, type Tone, withCodes, withMarks } from './io.ts';
import { formatRelative } from './time.ts';
import { cutText, fitText, textWidth } from './width.ts';

/** One column of a kind of row, for tables, JSON and CSV. */
export interface Column<Row> {
  /** The stable name of the field for scripts, in snake_case. */
  name: string;
  header: string;
  /** The value for scripts; also for people, unless there is `text`. */
  value: (row: Row) => unknown;
  text?: (row: Row, now: Date) => string;
  /** For people, when one thing is shown: the items of a list, each on its own line. */
  lines?: (row: Row, now: Date) => string[];
  tone?: (row: Row) => Tone | undefined;
  align?: 'right';
  /** Omitted from tables on a terminal. */
  wide?: boolean;
  /** Omitted on a terminal that is too narrow. */
  minor?: boolean;
  /** The names of the parts of an object, which are columns of their own in CSV: `donor_name`. */
  parts?: readonly string[];
  /** Never cut on a terminal: a name or number that is of no use without its end. */
  whole?: boolean;
  /** On a terminal: the least width in which it says enough, if that is more than a short name. */
  readable?: number;
  /** The value is an id: on a terminal it is shown short, `don…740v85`, which is taken as input too. */
  isId?: boolean;
}

export type Format = 'table' | 'json' | 'ndjson' | 'csv';

/** The options `--output` and `--json`. */
export interface OutputOptions {
  output?: Format | undefined;
  /** `true` for all fields, or their names. */
  json?: boolean | string | undefined;
  /** On a terminal: every column, and ids whole. */
  wide?: boolean | undefined;
}

/** The format and the selected fields. */
export function chosenFormat(options: OutputOptions): {
  format: Format;
  fields: string[] | undefined;
} {
  if (options.json === undefined) return { format: options.output ?? 'table', fields: undefined };
  // A bare --json selects all fields.
  const fields =
    typeof options.json === 'string' && options.json !== ''
      ? options.json.split(',').map((field) => field.trim())
      : undefined;
  return { format: options.output === 'ndjson' ? 'ndjson' : 'json', fields };
}

/**
 * Checks `--output` and `--json` before a command does anything.
 * @throws UserError `usage` for an unknown field, or for contradicting options.
 */
export function checkOutput(options: OutputOptions, columns: readonly { name: string }[]): void {
  if (options.json !== undefined && (options.output === 'table' || options.output === 'csv')) {
    throw usageError(
      `--json and --output ${options.output} contradict each other`,
      'Use only one of them.',
    );
  }
  const { fields } = chosenFormat(options);
  for (const field of fields ?? []) {
    if (!columns.some(({ name }) => name === field)) throw noField(field, columns);
  }
}

/** Columns of a record that people see in another form than a table. */
export const fieldsOf = <const Name extends string>(
  ...names: Name[]
): Column<Record<Name, unknown>>[] =>
  names.map((name) => ({
    name,
    header: name.replaceAll('_', ' ').toUpperCase(),
    value: (row) => row[name],
  }));

/**
 * Writes rows to stdout in the requested format. Tables are for people; when piped, they have one
 * untruncated row a line.
 */
export function render<Row>(
  io: Io,
  options: OutputOptions,
  columns: Column<Row>[],
  rows: Row[],
  words: { empty?: string; now?: Date } = {},
): void {
  const { format, fields } = chosenFormat(options);
  const picked = pick(columns, fields);
  switch (format) {
    case 'json':
      print(
        io,
        toJson(
          rows.map((row) => toRecord(picked, row)),
          io.stdout.isTTY,
        ),
      );
      break;
    case 'ndjson':
      for (const row of rows) print(io, toJson(toRecord(picked, row)));
      break;
    case 'csv':
      printData(io, grid(picked.flatMap(inParts), rows, 'name', csvCell, ',', '\r\n'));
      break;
    case 'table':
      if (rows.length === 0) say(io, words.empty ?? 'Nothing to show.');
      else if (io.stdout.isTTY)
        print(io, table(io, columns, rows, { now: words.now ?? new Date(), wide: options.wide }));
      else print(io, grid(columns.map(inWords), rows, 'header', pipedCell, '\t', '\n'));
  }
}

/** A column for each part of an object; a spreadsheet has no use for JSON. */
const inParts = <Row>(column: Column<Row>): Column<Row>[] =>
  column.parts?.map((part) => ({
    name: `${column.name}_${part}`,
    header: column.header,
    value: (row) => (column.value(row) as Record<string, unknown> | null)?.[part],
  })) ?? [column];

/** The column with what people read in place of an object. */
const inWords = <Row>(column: Column<Row>): Column<Row> =>
  column.parts ? { ...column, value: (row) => column.text?.(row, new Date()) } : column;

/**
 * Writes rows to a terminal as they come: a table that goes on. Its columns become wider with what
 * comes, and never narrower.
 */
export function rowWriter<Row>(
  io: Io,
  columns: Column<Row>[],
  options: OutputOptions,
): (rows: Row[]) => void {
  const widest = new Map<string, string>();
  return (rows) => print(io, table(io, columns, rows, { now: new Date(), ...options, widest }));
}

/** A header line, and one line for each row. */
function grid<Row>(
  columns: Column<Row>[],
  rows: Row[],
  title: 'name' | 'header',
  cell: (value: unknown) => string,
  between: string,
  end: string,
): string {
  const values = rows.map((row) => columns.map((column) => cell(column.value(row))));
  return [columns.map((column) => column[title]), ...values]
    .map((line) => line.join(between))
    .join(end);
}

/** Writes one row: an object for scripts, a card for people. */
export function renderOne<Row>(
  io: Io,
  options: OutputOptions,
  columns: Column<Row>[],
  row: Row,
  now = new Date(),
): void {
  const { format, fields } = chosenFormat(options);
  if (format === 'json' || format === 'ndjson') {
    print(io, toJson(toRecord(pick(columns, fields), row), format === 'json' && io.stdout.isTTY));
    return;
  }
  if (format === 'csv') {
    render(io, options, columns, [row]);
    return;
  }
  const width = Math.max(...columns.map((column) => textWidth(column.header)));
  for (const column of columns) {
    const lines = column.lines?.(row, now).map(safeLine) ?? [cellText(io, column, row, now)];
    const tone = column.tone?.(row);
    for (const [i, text] of lines.entries()) {
      if (text === '') continue;
      const header = fitText(i === 0 ? column.header : '', width);
      print(io, `${paint(io, 'dim', header)}  ${tone ? paint(io, tone, text) : text}`);
    }
  }
}

/**
 * JSON with exact amounts: a bigint that is too large for a JavaScript number becomes a string.
 * Characters that are unsafe on a terminal are escaped, which does not change the value.
 */
export function toJson(value: unknown, pretty = false): string {
  const exact = (_key: string, inner: unknown) => {
    if (typeof inner !== 'bigint') return inner;
    return Number.isSafeInteger(Number(inner)) ? Number(inner) : inner.toString();
  };
  return safeJson(JSON.stringify(value, exact, pretty ? 2 : undefined));
}

function pick<Row>(columns: Column<Row>[], fields: string[] | undefined): Column<Row>[] {
  if (!fields) return columns;
  return fields.map((field) => {
    const column = columns.find(({ name }) => name === field);
    if (column) return column;
    throw noField(field, columns);
  });
}

const noField = (field: string, columns: readonly { name: string }[]) =>
  usageError(
    `there is no field ${quoted(field)}`,
    `Fields: ${columns.map(({ name }) => name).join(', ')}`,
  );

/** A row as an object for scripts. */
export const toRecord = <Row>(columns: Column<Row>[], row: Row) =>
  Object.fromEntries(columns.map((column) => [column.name, column.value(row) ?? null]));

/** The text of a cell for people: one line, without its tone. */
function cellText<Row>(io: Io, column: Column<Row>, row: Row, now: Date): string {
  return safeLine(column.text?.(row, now) ?? forPeople(io, column.value(row), now));
}

function forPeople(io: Io, value: unknown, now: Date): string {
  if (value === null || value === undefined) return '';
  // In a file a relative time would soon be wrong.
  if (value instanceof Date)
    return io.stdout.isTTY ? formatRelative(value, now) : value.toISOString();
  if (typeof value === 'object') return toJson(value);
  return String(value);
}

/** The text of a value in a file. */
function cellValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? toJson(value) : String(value);
}

const pipedCell = (value: unknown): string => safeLine(cellValue(value));

// Spreadsheets evaluate cells that begin like a formula, even with full-width signs and after
// blanks: https://owasp.org/www-community/attacks/CSV_Injection
const FORMULA = /^(?=[\s\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])(?!-?\d+(\.\d+)?$)/u;

function csvCell(value: unknown): string {
  const text = cellValue(value).replace(FORMULA, "'");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function table<Row>(
  io: Io,
  columns: Column<Row>[],
  rows: Row[],
  {
    now,
    wide = false,
    widest,
  }: { now: Date; wide?: boolean | undefined; widest?: Map<string, string> },
): string {
  const goesOn = widest !== undefined && widest.size > 0;
  const rooms = columns
    .filter((column) => wide || !column.wide)
    .map((column) => {
      const texts = rows.map((row) =>
        column.isId && !wide
          ? shownId(cellText(io, column, row, now))
          : cellText(io, column, row, now),
      );
      if (widest) {
        texts.push(widest.get(column.name) ?? '');
        widest.set(
          column.name,
          texts.reduce((a, b) => (textWidth(b) > textWidth(a) ? b : a)),
        );
      }
      const { header, minor, readable } = column;
      // A cut number would be misread.
      const whole = column.whole || column.isId || column.align === 'right';
      return { header, minor, readable, whole, texts, spec: column };
    });
  // What is asked for whole may be wider than the terminal, which wraps it.
  const shown = fitColumns(rooms, wide ? Number.POSITIVE_INFINITY : io.stdout.columns || 80);
  const grid = new Table({
    head: goesOn
      ? []
      : shown.map(({ column, width }) =>
          withCodes(paint(io, 'dim', cutText(column.header, width))),
        ),
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: shown.map(({ column }) => column.spec.align ?? 'left'),
    colWidths: shown.map(({ width }) => width),
  });
  for (const [i, row] of rows.entries()) {
    grid.push(
      shown.map(({ column: { texts, spec }, width }) => {
        const text = cutText(texts[i] ?? '', width);
        const tone = spec.tone?.(row);
        return withCodes(tone && text !== '' ? paint(io, tone, text) : text);
      }),
    );
  }
  return withMarks(grid.toString())
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(SPACE_BETWEEN),
};
