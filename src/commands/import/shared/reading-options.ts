import { type Command, Option } from 'commander';
import { usageError } from '../../../lib/errors.ts';
import { DATE_ORDERS, type DateOrder } from '../../../lib/imports/check/dates.ts';
import type { ReadingOptions } from '../../../lib/imports/open.ts';
import { ENCODINGS, type Encoding } from '../../../lib/imports/read/encoding.ts';
import { parseCount } from '../../../lib/parse.ts';
import { CompletedOption, recent } from '../../shared/completed.ts';

export interface FileOptions {
  map?: string;
  sheet?: string;
  encoding?: Encoding;
  delimiter?: string;
  headerLine?: string;
  dates?: DateOrder;
  locale?: string;
  currency?: string;
  method?: string;
  source?: string;
  fund?: string;
  campaign?: string;
}

/** Adds the options that say how a file is read. */
export function withReading(command: Command): Command {
  return command
    .addOption(
      new CompletedOption(
        '--map <name|file>',
        'what its columns mean: a saved mapping or a JSON file',
        recent('mapping'),
      ),
    )
    .option('--sheet <name|n>', 'of a workbook: the sheet, by name or place')
    .addOption(
      new Option('--dates <order>', 'how dates of three numbers are written').choices(DATE_ORDERS),
    )
    .option('--locale <locale>', 'how amounts are written: en-US 1,250.00, de-DE 1.250,00')
    .option('--currency <code>', 'for gifts without one')
    .option('--method <method>', 'for gifts without one: check, cash, wire …')
    .option('--source <name>', 'the system that the ids in the file are from')
    .addOption(new CompletedOption('--fund <fund>', 'for gifts without one', recent('fund')))
    .addOption(
      new CompletedOption('--campaign <campaign>', 'for gifts without one', recent('campaign')),
    )
    .addOption(new Option('--encoding <name>', 'if it is not found out').choices(ENCODINGS))
    .option('--delimiter <sign>', 'if it is not found out: , ; | or tab')
    .option('--header-line <n>', 'the line with the names of the columns, if it is not found out');
}

export function readingOf(options: FileOptions): ReadingOptions {
  return {
    map: options.map,
    sheet: options.sheet,
    encoding: options.encoding,
    delimiter: checkDelimiter(options.delimiter),
    headerLine: options.headerLine === undefined ? undefined : parseCount(options.headerLine),
    dates: options.dates,
    locale: options.locale,
    currency: options.currency,
    method: options.method,
    source: options.source,
    fund: options.fund,
    campaign: options.campaign,
  };
}

function checkDelimiter(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const sign = text === 'tab' || text === '\\t' ? '\t' : text;
  if (sign.length === 1 && !/["'\r\n\w]/.test(sign)) return sign;
  throw usageError(`"${text}" cannot separate cells`, 'Give one sign: , ; | or tab.');
}
