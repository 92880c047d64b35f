import type { ImportPlan, ImportResult } from '../../../lib/imports/import.ts';
import type { OpenedFile } from '../../../lib/imports/open.ts';
import { sampleRows, type Verdict } from '../../../lib/imports/stage/rows.ts';
import type { Staged } from '../../../lib/imports/stage/stage.ts';
import { toDecimals } from '../../../lib/imports/stage/totals.ts';
import type { LocalStore } from '../../../lib/local/sqlite.ts';
import { type Io, plain, print, say } from '../../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../../lib/output/render.ts';
import { grouped, plural } from '../../../lib/output/text.ts';

const MOST = 8;

/** Says how the columns are understood, before anything else happens. */
export function tellMapping(io: Io, { source, table, mapping }: OpenedFile): void {
  const line = table.headerLine === 1 ? '' : `, header on line ${table.headerLine}`;
  say(io, plain(`${source.name}: columns by ${mapping.origin}${line}`));
  const pairs = table.header.flatMap((name, i) =>
    mapping.fields[i] && mapping.fields[i] !== name ? [`${name} → ${mapping.fields[i]}`] : [],
  );
  if (pairs.length > 0) say(io, plain(`  ${pairs.join(', ')}`));
  if (mapping.unmapped.length > 0)
    say(io, plain(`  not used: ${mapping.unmapped.slice(0, 40).join(', ')}`));
  for (const notice of mapping.notices) say(io, plain(`  note: ${notice}`));
}

/** Says which lines were no rows, and which rows say the same. */
export function tellReading(io: Io, staged: Staged): void {
  for (const { line, why, text } of staged.leftOut.slice(0, MOST))
    say(io, plain(`  line ${line} is ${why}, left out: ${text.slice(0, 80)}`));
  const more = staged.leftOut.length + staged.leftOutMore - MOST;
  if (more > 0) say(io, `  and ${more} more such lines`);
  if (staged.alike > 0)
    say(
      io,
      `  note: ${staged.alike} gifts say exactly what another row says; each counts as a gift of its own`,
    );
}

const TITLES: [Verdict, string][] = [
  ['new', 'new'],
  ['duplicate', 'duplicates'],
  ['suspect', 'need a look'],
  ['rejected', 'rejected'],
  ['skipped', 'skipped'],
  ['imported', 'imported'],
];

/** The plan for a person: how many rows of each verdict, some of those that are not new, the totals. */
export function tellPlan(io: Io, store: LocalStore, batch: string, plan: ImportPlan): void {
  const counts = TITLES.filter(([verdict]) => plan.counts[verdict] > 0).map(
    ([verdict, title]) => `${grouped(plan.counts[verdict])} ${title}`,
  );
  say(io, `${plural(plan.rows, 'row')}: ${counts.join(', ')}`);
  for (const verdict of ['rejected', 'suspect', 'skipped'] as const) {
    for (const row of sampleRows(store, batch, verdict, 5))
      say(
        io,
        plain(
          `  line ${row.line} ${verdict === 'suspect' ? 'needs a look' : verdict}: ${row.reasons.join('; ')}`,
        ),
      );
  }
  const totals = toDecimals(plan.totals.byCurrency);
  for (const [currency, total] of Object.entries(totals)) {
    const methods = Object.entries(plan.totals.byMethod)
      .filter(([, sums]) => sums[currency.toLowerCase()] !== undefined)
      .map(([method, sums]) => `${method} ${toDecimals(sums)[currency]}`);
    say(io, `  ${currency} ${total} (${methods.join(', ')})`);
  }
  if (plan.sameFile.length > 0)
    say(io, `  note: this very file was imported before, as ${plan.sameFile.join(', ')}`);
}

/** The fields of a result, by the names that scripts rely on. */
export const RESULT_COLUMNS: Column<ImportResult>[] = (
  [
    'batch',
    'rows',
    'imported',
    'duplicates',
    'suspects',
    'rejected',
    'skipped',
    'totals',
    'receipts',
  ] as const
).map((name) => ({
  name,
  header: name.toUpperCase(),
  value: (row: ImportResult) => (row[name] === '' ? null : row[name]),
}));

/** Writes the result: one object for scripts, a sentence for people. */
export function writeResult(
  io: Io,
  options: OutputOptions,
  result: ImportResult,
  dryRun = false,
): void {
  if (chosenFormat(options).format !== 'table') {
    renderOne(io, options, RESULT_COLUMNS, result);
    return;
  }
  const totals = Object.entries(result.totals).map(([currency, total]) => `${currency} ${total}`);
  print(
    io,
    dryRun
      ? `Nothing was imported: a dry run of ${result.batch}.`
      : `Imported ${grouped(result.imported)} of ${plural(result.rows, 'row')} as ${result.batch}${totals.length > 0 ? `: ${totals.join(', ')}` : ''}${result.receipts > 0 ? `; ${plural(result.receipts, 'receipt')} to send` : ''}.`,
  );
}

/** Hints for the next steps. */
export function tellNext(io: Io, result: ImportResult): void {
  if (result.rejected > 0)
    say(io, `Correct what was rejected: donations import rejects ${result.batch} -o rejected.csv`);
  if (result.suspects > 0)
    say(
      io,
      `Decide what needs a look: donations import show ${result.batch}, then donations import resume ${result.batch} --accept LINES --skip LINES`,
    );
  if (result.imported > 0) say(io, `Take it back: donations import undo ${result.batch}`);
}
