import { hostname } from 'node:os';
import { Command } from 'commander';
import { UserError } from '../../lib/errors.ts';
import { countWaiting } from '../../lib/imports/offline.ts';
import { say } from '../../lib/output/io.ts';
import { chosenFormat, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { type CommitFlags, commitOptionsOf } from '../import/shared/commit-options.ts';
import { importDeps, withImportStore } from '../import/shared/open-store.ts';
import { RESULT_COLUMNS, tellNext, writeResult } from '../import/shared/tell.ts';
import { examples } from '../shared/examples.ts';
import { inCommandSpan } from '../shared/in-span.ts';
import { withOutput } from '../shared/output-options.ts';

const NOTHING = {
  batch: '',
  rows: 0,
  imported: 0,
  duplicates: 0,
  suspects: 0,
  rejected: 0,
  skipped: 0,
  totals: {},
  receipts: 0,
};

/** `donations offline push`: brings the gifts of this machine to the database, each once. */
export function offlinePushCommand(context: Context): Command {
  const command = new Command('push')
    .description('bring the gifts of this machine to the database, each once')
    .option('--receipts', 'issue and e-mail receipts; otherwise no donor is mailed');
  return examples(withOutput(command, RESULT_COLUMNS), [
    ['donations offline push', 'again after a cut line: nothing is made twice'],
    ['donations offline push --receipts', 'and mail the donors'],
  ]).action(async (options: OutputOptions & { receipts?: boolean }) => {
    const { io, clock } = context;
    const json = chosenFormat(options).format !== 'table';
    await withImportStore(context, async (store) => {
      if (countWaiting(store) === 0) {
        if (json) writeResult(io, options, NOTHING);
        else say(io, 'No gifts wait on this machine.');
        return;
      }
      const flags: CommitFlags = { ...options, expectTotal: [], nearDays: '0', likeness: '0.9' };
      const { pushOffline } = await import('../../lib/imports/offline.ts');
      const deps = await importDeps(context, store);
      context.stopsByItself = true;
      const push = {
        config: await context.config(),
        clock,
        device: hostname(),
        commit: { ...commitOptionsOf(flags), partial: true },
      };
      const result = await inCommandSpan(context, 'offline push', {}, () =>
        pushOffline(deps, push),
      ).finally(() => deps.progress.end());
      if (!result) return;
      writeResult(io, options, result);
      tellNext(io, result);
      const left = result.suspects + result.rejected;
      if (left > 0)
        throw new UserError(
          'partly_done',
          `${left} of ${result.rows} gifts need a look and wait on`,
          `See why: donations import show ${result.batch}`,
        );
    });
  });
}
