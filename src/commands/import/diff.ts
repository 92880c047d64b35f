import { Command } from 'commander';
import type { GiftDifference } from '../../lib/imports/diff.ts';
import { say } from '../../lib/output/io.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { donorColumn } from '../shared/donor-column.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { importDeps, readingDeps, withImportStore } from './shared/open-store.ts';
import { type FileOptions, readingOf, withReading } from './shared/reading-options.ts';
import { tellMapping, tellReading } from './shared/tell.ts';

const COLUMNS: Column<GiftDifference>[] = [
  {
    name: 'change',
    header: 'CHANGE',
    value: (row) => row.change,
    tone: (row) => (row.change === 'changed' ? 'warn' : row.change === 'added' ? 'good' : 'bad'),
  },
  { name: 'line', header: 'LINE', value: (row) => row.line, align: 'right' },
  { name: 'donation', header: 'DONATION', value: (row) => row.donation, isId: true },
  donorColumn((row) => ({ id: null, name: row.donor, email: null })),
  { name: 'what', header: 'WHAT', value: (row) => row.what },
];

/** `donations import diff`: a corrected export against what was imported. */
export function importDiffCommand(context: Context): Command {
  const command = withOutput(
    withReading(
      new Command('diff')
        .description('compare a file with what was imported, gift by gift; changes nothing')
        .argument('<file>', 'the corrected file')
        .addArgument(
          new CompletedArgument(
            '[import]',
            'the import to compare with; the one that has most of its gifts',
            recent('batch'),
          ),
        ),
    ).option('--limit <n>', 'how many differences', '1000'),
    COLUMNS,
  );
  return examples(command, [
    ['donations import diff corrected.csv', 'against the import that fits'],
    ['donations import diff corrected.csv bat_01 --output csv', 'as a list'],
  ]).action(
    async (
      file: string,
      batch: string | undefined,
      options: FileOptions & OutputOptions & { limit: string },
    ) => {
      const limit = parseCount(options.limit);
      const { io } = context;
      await withImportStore(context, async (store) => {
        const { openFile } = await import('../../lib/imports/open.ts');
        const { diffFile } = await import('../../lib/imports/diff-file.ts');
        const opened = await openFile(await readingDeps(context, store), file, readingOf(options));
        tellMapping(io, opened);
        const deps = await importDeps(context, store);
        const { staged, ...found } = await diffFile(deps, opened, batch, limit).finally(() =>
          opened.source.close(),
        );
        tellReading(io, staged);
        if (staged.rejected > 0)
          say(
            io,
            `  ${staged.rejected} rows are rejected and not compared: donations import check`,
          );
        render(io, options, COLUMNS, found.differences, { empty: 'No differences.' });
        say(io, `${found.same} gifts are the same as in ${found.batch}.`);
      });
    },
  );
}
