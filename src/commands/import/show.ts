import { Command } from 'commander';
import { describeImport, type ImportDescription } from '../../lib/imports/show.ts';
import { type Io, paint, plain, print } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { withImportStore } from './shared/open-store.ts';

const COLUMNS: Column<ImportDescription>[] = (
  [
    'batch',
    'file',
    'mapping',
    'status',
    'verdicts',
    'totals',
    'totals_by_method',
    'totals_by_fund',
    'unmapped',
    'left_out',
    'sample',
  ] as const
).map((name) => ({
  name,
  header: name.toUpperCase(),
  value: (shown: ImportDescription) => shown[name],
}));

/** `donations import show`: what was found in a file, and what became of it. */
export function importShowCommand(context: Context): Command {
  const command = new Command('show')
    .description('how many rows, totals by currency, method and fund, some rows of each kind')
    .addArgument(
      new CompletedArgument('<import>', 'its id, or the beginning of it', recent('import')),
    )
    .option('--sample <n>', 'how many rows of each kind', '5');
  return examples(withOutput(command, COLUMNS), [
    ['donations import show bat_01', 'an import by the beginning of its id'],
    ['donations import show bat_01 --sample 100 --json', 'for a script'],
  ]).action(async (id: string, options: OutputOptions & { sample: string }) => {
    const sample = parseCount(options.sample, { min: 0, max: 10_000 });
    await withImportStore(context, async (store) => {
      const shown = describeImport(store, id, sample);
      if (chosenFormat(options).format === 'table') card(context.io, shown);
      else renderOne(context.io, options, COLUMNS, shown);
    });
  });
}

function card(io: Io, shown: ImportDescription): void {
  const line = (title: string, text: string) =>
    print(io, `${paint(io, 'dim', title.padEnd(10))}  ${plain(text)}`);
  line('IMPORT', shown.batch);
  line('FILE', `${shown.file}, by ${shown.mapping}`);
  line('STATUS', shown.status);
  line(
    'ROWS',
    Object.entries(shown.verdicts)
      .filter(([, count]) => count > 0)
      .map(([verdict, count]) => `${count} ${verdict}`)
      .join(', '),
  );
  for (const [title, sums] of [
    ['TOTAL', { '': shown.totals }],
    ['METHOD', shown.totals_by_method],
    ['FUND', shown.totals_by_fund],
  ] as const)
    for (const [name, totals] of Object.entries(sums))
      for (const [currency, total] of Object.entries(totals))
        line(title, `${currency} ${total}${name ? `  ${name}` : ''}`);
  for (const { line: number, reason, text } of shown.left_out)
    line('LEFT OUT', `line ${number}, ${reason}: ${text}`);
  for (const { line: number, verdict, reasons, gifts } of shown.sample)
    line(verdict.toUpperCase(), `line ${number}  ${[...gifts, ...reasons].join('; ')}`);
}
