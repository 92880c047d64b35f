import { Command } from 'commander';
import { openFile } from '../../lib/imports/open.ts';
import { say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { openOrAsk } from './shared/ask-mapping.ts';
import { type CommitFlags, commitOptionsOf, withCommit } from './shared/commit-options.ts';
import { importDeps, readingDeps, withImportStore } from './shared/open-store.ts';
import { type FileOptions, readingOf, withReading } from './shared/reading-options.ts';
import { type RunOptions, runImport, tellInterrupted } from './shared/run.ts';
import { RESULT_COLUMNS, tellMapping, tellReading } from './shared/tell.ts';

/** `donations import offline`: gifts on paper and in spreadsheets, from a file. */
export function importOfflineCommand(context: Context): Command {
  const command = withOutput(
    withCommit(
      withReading(
        new Command('offline')
          .description('import checks, cash, wires and other gifts from a CSV file or workbook')
          .argument('<file>', 'CSV, TSV or .xlsx, perhaps gzipped; - for stdin'),
      ),
    )
      .option('--dry-run', 'do everything up to the import, and import nothing')
      .option('--yes', 'ask nothing'),
    RESULT_COLUMNS,
  );
  return examples(command, [
    ['donations import template | donations import offline - --dry-run', 'what would be imported'],
    ["donations import offline gifts.csv --expect-total 'USD 1250.00' --yes", 'by a deposit slip'],
  ]).action(async (file: string, options: FileOptions & CommitFlags & RunOptions) => {
    await withImportStore(context, async (store) => {
      const reading = readingOf(options);
      const commit = commitOptionsOf(options);
      const { stageFile } = await import('../../lib/imports/import.ts');
      const files = await readingDeps(context, store);
      const opened = await openOrAsk(context, store, options.yes === true, (saved) =>
        openFile(files, file, reading, saved),
      );
      tellMapping(context.io, opened);
      context.stopsByItself = true;
      const deps = await importDeps(context, store);
      let id = '';
      try {
        const { batch, staged } = await stageFile(
          deps,
          opened,
          { reading, commit },
          {
            now: context.clock.now(),
            onBatch(batch) {
              id = batch;
              say(context.io, `Import ${batch}`);
            },
          },
        ).finally(() => deps.progress.end());
        tellReading(context.io, staged);
        await runImport(context, deps, batch, options);
      } finally {
        opened.source.close();
        tellInterrupted(context, id);
      }
    });
  });
}
