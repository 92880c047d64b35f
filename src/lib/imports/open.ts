import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { UserError, usageError } from '../errors.ts';
import type { LocalStore } from '../local/sqlite.ts';
import { currencies, parseCurrency } from '../money.ts';
import { type DateOrder, dayIn } from './check/dates.ts';
import { type CheckRules, createRowChecker } from './check/row.ts';
import { readMethod } from './check/words.ts';
import type { Field } from './map/fields.ts';
import { recogniseFormat } from './map/formats.ts';
import { countKnown, type Mapping, type MappingOptions, mapColumns } from './map/mapping.ts';
import { findMapping, type NamedMapping } from './map/saved.ts';
import { UnmappedError } from './map/unmapped.ts';
import type { Encoding } from './read/encoding.ts';
import { openSource, type Source } from './read/source.ts';
import { openTable, type Table } from './read/table.ts';

/** How a file is to be read: what the options of a command say. Kept with the batch, to read it again. */
export interface ReadingOptions {
  map?: string | undefined;
  sheet?: string | undefined;
  encoding?: Encoding | undefined;
  delimiter?: string | undefined;
  headerLine?: number | undefined;
  dates?: DateOrder | undefined;
  locale?: string | undefined;
  currency?: string | undefined;
  method?: string | undefined;
  source?: string | undefined;
  fund?: string | undefined;
  campaign?: string | undefined;
}

export interface ReadingDeps {
  store: LocalStore;
  config: Config;
  clock: Clock;
  stdin: NodeJS.ReadableStream;
  cwd: string;
}

/** A file whose columns are understood; nothing but its beginning has been read. */
export interface OpenedFile {
  source: Source;
  table: Table;
  mapping: Mapping;
  rules: CheckRules;
  check: ReturnType<typeof createRowChecker>;
}

/**
 * Opens a file and finds out what its columns mean.
 * @param saved a mapping that was made just now, in place of the one that `map` names.
 * @throws UserError `usage` for a file that cannot be read or understood.
 */
export async function openFile(
  deps: ReadingDeps,
  file: string,
  options: ReadingOptions,
  saved?: NamedMapping,
): Promise<OpenedFile> {
  const named =
    saved ??
    (options.map === undefined ? undefined : findMapping(deps.store, options.map, deps.cwd));
  const source = await openSource(file, deps.stdin);
  try {
    return await understand(deps, source, options, named);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** What the columns of a file that is open mean. */
async function understand(
  { config, clock }: Pick<ReadingDeps, 'config' | 'clock'>,
  source: Source,
  options: ReadingOptions,
  saved: NamedMapping | undefined,
): Promise<OpenedFile> {
  const table = await openTable(source, {
    sheet: options.sheet,
    encoding: options.encoding,
    delimiter: options.delimiter,
    headerLine: options.headerLine,
    countKnown: (cells) => countKnown(cells, saved?.mapping),
  });
  const { locale, timeZone, country } = config.organization;
  const mapping = mapTable(table, {
    saved,
    dates: options.dates,
    locale: checkLocale(options.locale),
    defaults: defaultsOf(options),
    organization: { locale, timeZone, currency: CURRENCY_OF[country] },
  });
  const rules: CheckRules = {
    header: table.header,
    mapping,
    timesAreUtc: !saved && recogniseFormat(table.header)?.timeZone === 'UTC',
    today: dayIn(clock.now(), timeZone),
    country,
    currencies: new Set(currencies()),
  };
  return { source, table, mapping, rules, check: createRowChecker(rules) };
}

function mapTable(table: Table, options: MappingOptions): Mapping {
  try {
    return mapColumns(table.header, options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UnmappedError(
      error,
      table.header,
      table.sample.map(({ cells }) => cells),
    );
  }
}

// Countries with one usual currency. Elsewhere the currency must be stated.
const CURRENCY_OF: Record<string, string | undefined> = {
  US: 'usd',
  CA: 'cad',
  GB: 'gbp',
  AU: 'aud',
  NZ: 'nzd',
  JP: 'jpy',
  CH: 'chf',
  DE: 'eur',
  FR: 'eur',
  NL: 'eur',
  AT: 'eur',
  BE: 'eur',
  ES: 'eur',
  IT: 'eur',
  IE: 'eur',
};

function defaultsOf(options: ReadingOptions): Partial<Record<Field, string>> {
  const method = options.method === undefined ? undefined : readMethod(options.method);
  if (options.method !== undefined && !method)
    throw usageError(
      `"${options.method}" is no method`,
      'Methods: check, cash, wire, ach, daf, in_kind, stock, money_order, card_offline, matching, crypto, other.',
    );
  const given = {
    currency: options.currency === undefined ? undefined : parseCurrency(options.currency),
    method,
    source: options.source,
    fund: options.fund,
    campaign: options.campaign,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function checkLocale(locale: string | undefined): string | undefined {
  if (locale === undefined) return undefined;
  try {
    return Intl.getCanonicalLocales(locale)[0];
  } catch {
    throw usageError(`"${locale}" is not a locale`, 'Write it like en-US or de-DE.');
  }
}
