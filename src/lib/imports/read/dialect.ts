import { parse } from 'csv-parse/sync';

/** How a text separates its cells. */
export interface Dialect {
  delimiter: string;
  quote: string;
  /** What stands before a quote inside a quoted cell: the quote again, or a backslash. */
  escape: string;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;
export const LINE_ENDS = ['\r\n', '\n', '\r'];

const SAMPLE_RECORDS = 60;

/** The dialect of a text by its beginning: the delimiter that makes most lines of equal width. */
export function detectDialect(sample: string, stated?: string): Dialect {
  const quote = detectQuote(sample);
  const rest = { quote, escape: detectEscape(sample, quote) };
  if (stated) return { delimiter: stated, ...rest };
  let best: Dialect = { delimiter: ',', ...rest };
  let most = 0;
  for (const delimiter of DELIMITERS) {
    const dialect = { delimiter, ...rest };
    const score = evenness(sampleRecords(sample, dialect));
    if (score > most) [most, best] = [score, dialect];
  }
  return best;
}

/** The records that a sample begins with; the last one may be cut off, and is left out. */
function sampleRecords(sample: string, dialect: Dialect): string[][] {
  const records: string[][] = [];
  try {
    parse(sample, {
      ...dialect,
      record_delimiter: LINE_ENDS,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: false,
      bom: true,
      to: SAMPLE_RECORDS,
      on_record: (record: string[]) => {
        records.push(record);
        return null;
      },
    });
  } catch {
    // Cut off within quotes, or not of this dialect: what was read so far speaks for itself.
  }
  return records;
}

/** How wide the most common width is, weighed by how common it is; 0 for a single column. */
function evenness(records: string[][]): number {
  const widths = new Map<number, number>();
  let filled = 0;
  for (const { length } of records.filter((cells) => cells.some((cell) => cell.trim() !== ''))) {
    filled++;
    widths.set(length, (widths.get(length) ?? 0) + 1);
  }
  let best = 0;
  for (const [width, count] of widths) {
    if (width > 1) best = Math.max(best, (count / filled) ** 2 * Math.min(width, 100));
  }
  return best;
}

/** Single quotes only where cells begin and end with them, and double quotes do not. */
function detectQuote(sample: string): string {
  const cells = (quote: string) =>
    sample.match(
      new RegExp(
        `(?:^|[,;\\t|\\r\\n])${quote}(?:[^${quote}]|${quote}${quote})*${quote}(?=[,;\\t|\\r\\n]|$)`,
        'g',
      ),
    )?.length ?? 0;
  return cells("'") > 1 && cells('"') === 0 ? "'" : '"';
}

const detectEscape = (sample: string, quote: string) =>
  sample.includes(`\\${quote}`) && !sample.includes(quote + quote) ? '\\' : quote;
