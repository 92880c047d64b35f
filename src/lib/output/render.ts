import Table from 'cli-table3';
import { usageError } from '../errors.ts';
import { type Io, paint, plain, print, say, type Tone } from './io.ts';
import { formatRelative } from './time.ts';
import { textWidth } from './width.ts';

/** One field of a kind of row: one spec serves table, JSON and CSV. */
export interface Column<Row> {
  /** The field's stable name for scripts, snake_case. */
  name: string;
  header: string;
  /** The value for scripts; also for people, unless `text` says it better. */
  value: (row: Row) => unknown;
  text?: (row: Row, now: Date) => string;
  tone?: (row: Row) => Tone | undefined;
  align?: 'right';
  /** Left out of tables on a terminal. */
  wide?: boolean;
  /** Left out on a terminal that is too narrow for it. */
  minor?: boolean;
}

export type Format = 'table' | 'json' | 'ndjson' | 'csv';

/** What `--output` and `--json` gave. */
export interface OutputOptions {
  output?: Format | undefined;
  /** `true` for all fields, or their names. */
  json?: boolean | string | undefined;
}

/** The format that the options ask for, and the fields, if some were picked. */
export function chosenFormat(options: OutputOptions): {
  format: Format;
  fields: string[] | undefined;
} {
  if (options.json === undefined) return { format: options.output ?? 'table', fields: undefined };
  // A bare --json is all of them.
  const fields =
    typeof options.json === 'string' && options.json !== ''
      ? options.json.split(',').map((field) => field.trim())
      : undefined;
  return { format: options.output === 'ndjson' ? 'ndjson' : 'json', fields };
}

/** Writes rows to stdout in the format asked for. Tables are for people; piped, they are one row a line, untruncated. */
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
          rows.map((row) => record(picked, row)),
          io.stdout.isTTY,
        ),
      );
      break;
    case 'ndjson':
      for (const row of rows) print(io, toJson(record(picked, row)));
      break;
    case 'csv':
      print(io, grid(picked, rows, 'name', csvCell, ',', '\r\n'));
      break;
    case 'table':
      if (rows.length === 0) say(io, words.empty ?? 'Nothing to show.');
      else if (io.stdout.isTTY) print(io, table(io, columns, rows, words.now ?? new Date()));
      else print(io, grid(columns, rows, 'header', pipedCell, '\t', '\n'));
  }
}

/** A line for the columns' names, and one for each row. */
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
    print(io, toJson(record(pick(columns, fields), row), format === 'json' && io.stdout.isTTY));
    return;
  }
  if (format === 'csv') {
    render(io, options, columns, [row]);
    return;
  }
  const width = Math.max(...columns.map((column) => column.header.length));
  for (const column of columns) {
    const text = cell(io, column, row, now);
    if (text !== '') print(io, `${paint(io, 'dim', column.header.padEnd(width))}  ${text}`);
  }
}

/** JSON with amounts exact: a bigint too large for a JavaScript number becomes a string. */
export function toJson(value: unknown, pretty = false): string {
  const exact = (_key: string, inner: unknown) => {
    if (typeof inner !== 'bigint') return inner;
    return Number.isSafeInteger(Number(inner)) ? Number(inner) : inner.toString();
  };
  return JSON.stringify(value, exact, pretty ? 2 : undefined);
}

function pick<Row>(columns: Column<Row>[], fields: string[] | undefined): Column<Row>[] {
  if (!fields) return columns;
  return fields.map((field) => {
    const column = columns.find(({ name }) => name === field);
    if (column) return column;
    throw usageError(
      `there is no field "${field}"`,
      `Fields: ${columns.map(({ name }) => name).join(', ')}`,
    );
  });
}

const record = <Row>(columns: Column<Row>[], row: Row) =>
  Object.fromEntries(columns.map((column) => [column.name, column.value(row) ?? null]));

function cell<Row>(io: Io, column: Column<Row>, row: Row, now: Date): string {
  const text = plain(column.text?.(row, now) ?? forPeople(io, column.value(row), now));
  const tone = column.tone?.(row);
  return tone ? paint(io, tone, text) : text;
}

function forPeople(io: Io, value: unknown, now: Date): string {
  if (value === null || value === undefined) return '';
  // Off a terminal "3m ago" would soon be wrong.
  if (value instanceof Date)
    return io.stdout.isTTY ? formatRelative(value, now) : value.toISOString();
  if (typeof value === 'object') return toJson(value);
  return String(value);
}

function pipedCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  return plain(typeof value === 'object' ? toJson(value) : String(value));
}

function csvCell(value: unknown): string {
  // A spreadsheet would run a cell that begins like a formula:
  // https://owasp.org/www-community/attacks/CSV_Injection
  const text = pipedCell(value).replace(/^(?=[=+\-@\t\r])(?!-?\d+(\.\d+)?$)/, "'");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
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
  middle: '  ',
};

const SPACE_BETWEEN = 2;
const NARROWEST = 8;

function table<Row>(io: Io, columns: Column<Row>[], rows: Row[], now: Date): string {
  const shown = fitColumns(io, columns, rows, now);
  const cells = rows.map((row) => shown.map((column) => cell(io, column, row, now)));
  const bare = rows.map((row) =>
    shown.map((column) => cell({ ...io, color: false }, column, row, now)),
  );
  const widths = shown.map((column, i) =>
    Math.max(column.header.length, ...bare.map((line) => textWidth(line[i] ?? ''))),
  );
  const grid = new Table({
    head: shown.map((column) => paint(io, 'dim', column.header)),
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: shown.map((column) => column.align ?? 'left'),
    colWidths: fitWidths(widths, io.stdout.columns || 80),
  });
  grid.push(...cells);
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** The columns for a terminal; the minor ones only if nothing has to be squeezed beyond reading for them. */
function fitColumns<Row>(io: Io, columns: Column<Row>[], rows: Row[], now: Date): Column<Row>[] {
  const shown = columns.filter((column) => !column.wide);
  const narrowest = (column: Column<Row>) =>
    Math.min(
      NARROWEST,
      Math.max(
        column.header.length,
        ...rows.map((row) => textWidth(cell({ ...io, color: false }, column, row, now))),
      ),
    );
  const needed = shown.reduce((sum, column) => sum + narrowest(column) + SPACE_BETWEEN, 0);
  return needed - SPACE_BETWEEN > (io.stdout.columns || 80)
    ? shown.filter((column) => !column.minor)
    : shown;
}

/** Takes from the widest column until all fit. */
function fitWidths(widths: number[], total: number): number[] {
  const fitted = [...widths];
  const room = total - SPACE_BETWEEN * (widths.length - 1);
  while (fitted.reduce((sum, width) => sum + width, 0) > room) {
    const widest = Math.max(...fitted);
    if (widest <= NARROWEST) break;
    fitted[fitted.indexOf(widest)] = widest - 1;
  }
  return fitted;
}
