import type { LocalStore } from '../local/sqlite.ts';
import { findBatch } from './stage/batches.ts';
import { type Counts, countRows, sampleRows, VERDICTS, type Verdict } from './stage/rows.ts';
import { describeRows, giftLine, toDecimals } from './stage/totals.ts';

/** An import as this machine has it, with stable names for scripts. */
export interface ImportDescription {
  batch: string;
  file: string;
  mapping: string;
  status: string;
  verdicts: Counts;
  /** Of rows that are new or imported. */
  totals: Record<string, string>;
  totals_by_method: Record<string, Record<string, string>>;
  totals_by_fund: Record<string, Record<string, string>>;
  unmapped: string[];
  left_out: { line: number; reason: string; text: string }[];
  sample: { line: number; verdict: Verdict; reasons: string[]; gifts: string[] }[];
}

/** Describes an import with some rows of each verdict. @throws UserError `not_found`. */
export function describeImport(store: LocalStore, id: string, sample: number): ImportDescription {
  const batch = findBatch(store, id);
  const totals = describeRows(store, batch.id, ['new', 'imported']);
  const decimals = (sums: Record<string, Record<string, bigint>>) =>
    Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, toDecimals(sum)]));
  return {
    batch: batch.id,
    file: batch.path ?? batch.name,
    mapping: batch.reading.origin,
    status: batch.status,
    verdicts: countRows(store, batch.id),
    totals: toDecimals(totals.byCurrency),
    totals_by_method: decimals(totals.byMethod),
    totals_by_fund: decimals(totals.byFund),
    unmapped: batch.reading.unmapped,
    left_out: batch.reading.leftOut.map(({ line, why, text }) => ({ line, reason: why, text })),
    sample: (Object.keys(VERDICTS) as Verdict[]).flatMap((verdict) =>
      sampleRows(store, batch.id, verdict, sample).map(({ line, reasons, gifts }) => ({
        line,
        verdict,
        reasons,
        gifts: gifts.map(giftLine),
      })),
    ),
  };
}
