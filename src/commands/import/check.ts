import { Command } from 'commander';
import { UserError } from '../../lib/errors.ts';
import { checkControlTotals } from '../../lib/imports/import.ts';
import { openFile } from '../../lib/imports/open.ts';
import type { StagedRow } from '../../lib/imports/stage/rows.ts';
import { toDecimals } from '../../lib/imports/stage/totals.ts';
import { plain, print, say } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';
import { grouped, plural } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type CommitFlags, expectedOf, withExpected } from './shared/commit-options.ts';
import { readingDeps, withImportStore } from './shared/open-store.ts';
import { type FileOptions, readingOf, withReading } from './shared/reading-options.ts';
import { tellMapping, tellReading } from './shared/tell.ts';

interface Result {
  rows: number;
  valid: number;
  rejected: number;
  skipped: number;
  /** Rows with the id of a row above. */
  repeated: number;
  totals: Record<string, string>;
}

const COLUMNS: Column<Result>[] = (
  ['rows', 'valid', 'rejected', 'skipped', 'repeated', 'totals'] as const
).map((name) => ({ name, header: name.toUpperCase(), value: (row: Result) => row[name] }));

const SHOWN = 20;

/** `donations import check`: reads a file and says what is wrong with it. Needs no database, keeps nothing. */
export function importCheckCommand(context: Context): Command {
  const command = withOutput(
    withExpected(
      withReading(
        new Command('check')
          .description('say what is wrong with a file, and what it adds up to; keeps nothing')
          .argument('<file>', 'CSV, TSV or .xlsx, perhaps gzipped; - for stdin'),
      ),
    ),
    COLUMNS,
  );
  return examples(command, [
    ['donations import template | donations import check -', 'a file that is right'],
    ["donations import check gifts.csv --expect-count 2 --expect-total 'USD 1250.00'", 'a slip'],
  ]).action(async (file: string, options: FileOptions & CommitFlags & OutputOptions) => {
    const expected = expectedOf(options);
    await withImportStore(context, async (store) => {
      const opened = await openFile(await readingDeps(context, store), file, readingOf(options));
      tellMapping(context.io, opened);
      const faults: StagedRow[] = [];
      const { stageRows } = await import('../../lib/imports/stage/stage.ts');
      const staged = await stageRows(opened, {
        store: undefined,
        batch: '',
        signal: context.signal,
        onRows: () => {},
        onRow(row) {
          if (row.verdict !== 'new' && faults.length < SHOWN) faults.push(row);
        },
      }).finally(() => opened.source.close());
      tellReading(context.io, staged);
      for (const { line, verdict, reasons } of faults)
        say(
          context.io,
          plain(
            `  line ${line} ${verdict}: ${reasons.join('; ') || 'the same id as a line above'}`,
          ),
        );
      const { rows, rejected, skipped, repeated } = staged;
      const valid = rows - rejected - skipped - repeated;
      const totals = Object.fromEntries(staged.totals);
      const result = { rows, valid, rejected, skipped, repeated, totals: toDecimals(totals) };
      if (chosenFormat(options).format === 'table') {
        const sums = Object.entries(result.totals).map(([code, total]) => `${code} ${total}`);
        print(
          context.io,
          `${plural(rows, 'row')}: ${plural(valid, 'gift')}, ${grouped(rejected)} rejected, ${grouped(skipped)} skipped, ${grouped(repeated)} with the id of another; ${sums.join(', ') || 'no money'}`,
        );
      } else renderOne(context.io, options, COLUMNS, result);
      checkControlTotals(expected, { count: valid, totals });
      if (rejected > 0)
        throw new UserError(
          'partly_done',
          `${grouped(rejected)} of ${plural(rows, 'row')} would be rejected`,
        );
    });
  });
}
