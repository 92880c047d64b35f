import { Command } from 'commander';
import { UserError } from '../../lib/errors.ts';
import { findBatch, type StagedBatch, updateBatch } from '../../lib/imports/stage/batches.ts';
import { say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { importDeps, readingDeps, withImportStore } from './shared/open-store.ts';
import { type RunOptions, runImport, tellInterrupted } from './shared/run.ts';
import { RESULT_COLUMNS } from './shared/tell.ts';

interface ResumeOptions extends RunOptions {
  accept?: string;
  skip?: string;
  partial?: boolean;
}

/** `donations import resume`: goes on with an import that was interrupted, or whose rows are decided now. */
export function importResumeCommand(context: Context): Command {
  const command = new Command('resume')
    .description('go on with an import that was interrupted, or with rows that needed a look')
    .addArgument(
      new CompletedArgument('<import>', 'its id, or the beginning of it', recent('import')),
    )
    .option('--accept <lines>', 'rows that need a look and are gifts of their own: 12,15-20 or all')
    .option('--skip <lines>', 'rows that are not to be imported: 12,15-20 or all')
    .option('--partial', 'import the rows without a fault though others have one')
    .option('--dry-run', 'do everything up to the import, and import nothing')
    .option('--yes', 'ask nothing');
  return examples(withOutput(command, RESULT_COLUMNS), [
    ['donations import resume bat_01 --yes', 'after an interruption'],
    ['donations import resume bat_01 --accept 12,15-20 --skip all', 'with decisions'],
  ]).action(async (id: string, options: ResumeOptions) => {
    await withImportStore(context, async (store) => {
      let batch = findBatch(store, id);
      context.stopsByItself = true;
      const deps = await importDeps(context, store);
      try {
        if (batch.status === 'staging') batch = await readAgain(context, batch, store, deps);
        const { decideRows } = await import('../../lib/imports/stage/decide.ts');
        if (options.partial) {
          batch.options.commit.partial = true;
          updateBatch(store, batch.id, { options: batch.options });
        }
        const { id: batchId } = batch;
        await runImport(context, deps, batch, options, () => {
          for (const decision of ['accept', 'skip'] as const) {
            const lines = options[decision];
            if (lines !== undefined)
              decideRows(store, batchId, decision, lines, deps.operator.actor);
          }
        });
      } finally {
        tellInterrupted(context, batch.id);
      }
    });
  });
}

/** The file was not read to its end: it is read again, if it is still the same. */
async function readAgain(
  context: Context,
  batch: StagedBatch,
  store: Parameters<typeof readingDeps>[1],
  deps: Awaited<ReturnType<typeof importDeps>>,
): Promise<StagedBatch> {
  if (batch.path === undefined)
    throw new UserError(
      'failed',
      `${batch.id} came by stdin and was not read to its end`,
      'Nothing was imported: give the file again.',
    );
  const { openFile } = await import('../../lib/imports/open.ts');
  const { stageInto } = await import('../../lib/imports/import.ts');
  const files = await readingDeps(context, store);
  const opened = await openFile(files, batch.path, batch.options.reading);
  try {
    if ((await opened.source.sha256()) !== batch.sha256)
      throw new UserError(
        'failed',
        `${batch.path} is not the file that it was when ${batch.id} began`,
        'Nothing was imported: import the file anew.',
      );
    say(context.io, `Reading ${batch.path} again`);
    await stageInto(deps, opened, batch).finally(() => deps.progress.end());
  } finally {
    opened.source.close();
  }
  return batch;
}
