import { z } from 'zod';
import { usageError } from '../../errors.ts';
import { DATE_ORDERS, type DateOrder } from '../check/dates.ts';
import { FIELD_NAMES, type Field, headerKey, synonymOf } from './fields.ts';
import { FORMATS, recogniseFormat } from './formats.ts';

/** A mapping in the form that a file or a saved name holds. */
export const savedMappingSchema = z.strictObject({
  /** Header → field; null: the column means nothing to us. */
  columns: z.record(
    z.string(),
    z.enum(FIELD_NAMES as [Field, ...Field[]], 'is no field').nullable(),
  ),
  defaults: z.partialRecord(z.enum(FIELD_NAMES as [Field, ...Field[]]), z.string()).optional(),
  dates: z.enum(DATE_ORDERS).optional(),
  locale: z.string().optional(),
});

export type SavedMapping = z.output<typeof savedMappingSchema>;

/** Reads a mapping from the text of a file. @throws UserError `usage`. */
export function parseMapping(text: string, name: string): SavedMapping {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw usageError(`${name} is not JSON: ${(error as Error).message}`, HOW_TO_MAP);
  }
  const { data, error } = savedMappingSchema.safeParse(json);
  if (data) return data;
  const issues = error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw usageError(`${name} is not a mapping: ${issues.join('; ')}`, HOW_TO_MAP);
}

const HOW_TO_MAP = `Write it like {"columns": {"Gift Amount": "amount", "Phone": null}}. Fields: ${FIELD_NAMES.join(', ')}`;

/** What the columns of one file mean. */
export interface Mapping {
  /** For each column of the file its field, if it has one. */
  fields: (Field | undefined)[];
  /** What holds for rows that say nothing else. */
  defaults: Partial<Record<Field, string>>;
  dates: DateOrder | undefined;
  locale: string;
  timeZone: string;
  /** Where it is from: a format's title, or the name of a saved mapping. */
  origin: string;
  /** What gifts of this file are from, when no column says so. */
  source: string;
  /** Headers that mean nothing to us. */
  unmapped: string[];
  /** What a person should know before going on. */
  notices: string[];
}

export interface MappingOptions {
  saved?: { name: string; mapping: SavedMapping } | undefined;
  /** From the command line; these win. */
  dates?: DateOrder | undefined;
  locale?: string | undefined;
  defaults: Partial<Record<Field, string>>;
  /** The organisation's. */
  organization: { locale: string; timeZone: string; currency: string | undefined };
}

// Columns that stand in our own lists of rejected rows.
export const OWN_COLUMNS = ['Rejected because', 'Rejected line'];

/** How many cells are names of columns that the mapping or any format knows. */
export function countKnown(cells: string[], saved: SavedMapping | undefined): number {
  const own = new Set(Object.keys(saved?.columns ?? {}).map(headerKey));
  const keys = new Set(cells.map(headerKey).filter((key) => key !== ''));
  let known = 0;
  for (const key of keys) if (own.has(key) || synonymOf(key) || FORMAT_KEYS.has(key)) known++;
  // A line of one word is a title, whatever the word.
  return keys.size < 2 && own.size === 0 ? 0 : known;
}

const FORMAT_KEYS: ReadonlySet<string> = new Set(
  FORMATS.flatMap(({ columns, signature }) =>
    [...Object.keys(columns), ...signature].map(headerKey),
  ),
);

/**
 * Finds out what the columns of a file mean.
 * @throws UserError `usage` that names what is missing or named twice.
 */
export function mapColumns(header: string[], options: MappingOptions): Mapping {
  const { saved } = options;
  const format = saved ? undefined : recogniseFormat(header);
  const named = namesOf(saved?.mapping.columns ?? format?.columns ?? {});
  const fields = header.map((name) => {
    const key = headerKey(name);
    if (OWN_COLUMNS.some((own) => headerKey(own) === key)) return undefined;
    const field = named.get(key);
    return field === undefined ? synonymOf(name) : (field ?? undefined);
  });
  const notices: string[] = [];
  dropTwins(header, fields, notices);
  const defaults = {
    ...format?.defaults,
    ...saved?.mapping.defaults,
    ...options.defaults,
  };
  const has = (field: Field) => fields.includes(field) || defaults[field] !== undefined;
  refuseMissing(has, header, saved?.name);
  if (saved) refuseAbsent(saved, header);
  if (!has('currency')) {
    if (options.organization.currency === undefined)
      throw usageError('no column says the currency', 'Say it for the whole file: --currency eur.');
    defaults.currency = options.organization.currency;
    notices.push(
      `no column says the currency: every gift is ${defaults.currency.toUpperCase()} (--currency says otherwise)`,
    );
  }
  if (!has('method')) {
    defaults.method = 'other';
    notices.push(
      'no column says how the gifts were made: every method is "other" (--method says otherwise)',
    );
  }
  const origin = saved?.name ?? format?.title ?? 'the names of its columns';
  return {
    fields,
    defaults,
    dates: options.dates ?? saved?.mapping.dates ?? format?.dates,
    locale:
      options.locale ?? saved?.mapping.locale ?? format?.locale ?? options.organization.locale,
    timeZone: options.organization.timeZone,
    origin,
    source: defaults.source ?? format?.name ?? saved?.name ?? 'import',
    unmapped: header.filter(
      (name, i) =>
        fields[i] === undefined && !OWN_COLUMNS.some((own) => headerKey(own) === headerKey(name)),
    ),
    notices,
  };
}

const namesOf = (columns: Record<string, Field | null>) =>
  new Map(Object.entries(columns).map(([name, field]) => [headerKey(name), field]));

// Where a mistake would change what was given.
const DECISIVE: Field[] = ['amount', 'currency', 'gift_date', 'fund_amount', 'source_id'];

/** Of two columns with one meaning the first counts, unless it matters which. */
function dropTwins(header: string[], fields: (Field | undefined)[], notices: string[]): void {
  const first = new Map<Field, number>();
  fields.forEach((field, i) => {
    if (!field) return;
    const before = first.get(field);
    if (before === undefined) {
      first.set(field, i);
      return;
    }
    if (DECISIVE.includes(field)) {
      throw usageError(
        `the columns "${header[before]}" and "${header[i]}" both look like the ${field}`,
        `Say which it is in a mapping: {"columns": {${JSON.stringify(header[i])}: null}} with --map FILE.`,
      );
    }
    fields[i] = undefined;
    notices.push(`"${header[i]}" is left out: "${header[before]}" is the ${field} already`);
  });
}

function refuseMissing(
  has: (field: Field) => boolean,
  header: string[],
  name: string | undefined,
): void {
  const missing: string[] = [];
  if (!has('amount')) missing.push('the amount');
  if (!(['gift_date', 'postmark_date', 'received_date'] as const).some(has))
    missing.push('the date of the gift');
  if (
    !(['donor_name', 'last_name', 'first_name', 'organization', 'email', 'donor_id'] as const).some(
      has,
    )
  )
    missing.push('the donor');
  if (missing.length === 0) return;
  throw usageError(
    `no column says ${missing.join(' or ')}: the columns are ${header.slice(0, 30).join(', ')}`,
    name
      ? `Correct the mapping ${name}.`
      : 'Say what the columns mean with --map FILE; see donations import map --help.',
  );
}

function refuseAbsent(
  { name, mapping }: { name: string; mapping: SavedMapping },
  header: string[],
) {
  const keys = new Set(header.map(headerKey));
  const absent = Object.entries(mapping.columns)
    .filter(([column, field]) => field !== null && !keys.has(headerKey(column)))
    .map(([column]) => `"${column}"`);
  if (absent.length === 0) return;
  throw usageError(
    `the file has no column ${absent.join(', ')}, which the mapping ${name} expects`,
    `Its columns are ${header.slice(0, 30).join(', ')}.`,
  );
}
