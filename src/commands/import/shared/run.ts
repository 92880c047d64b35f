import { UserError } from '../../../lib/errors.ts';
import {
  checkControlTotals,
  commitImport,
  type ImportDeps,
  type ImportPlan,
  type ImportResult,
  openBatch,
  planImport,
  resultOf,
} from '../../../lib/imports/import.ts';
import type { StagedBatch } from '../../../lib/imports/stage/batches.ts';
import { describeRows } from '../../../lib/imports/stage/totals.ts';
import { say } from '../../../lib/output/io.ts';
import type { OutputOptions } from '../../../lib/output/render.ts';
import { plural } from '../../../lib/output/text.ts';
import type { Context } from '../../context.ts';
import { confirmYes } from '../../shared/confirm.ts';
import { inCommandSpan } from '../../shared/in-span.ts';
import type { ImportProgress } from './progress.ts';
import { tellNext, tellPlan, writeResult } from './tell.ts';

export interface RunOptions extends OutputOptions {
  yes?: boolean;
  dryRun?: boolean;
}

/** Matches a staged batch, shows what would be imported, asks, imports, and says what was done. */
export async function runImport(
  context: Context,
  deps: ImportDeps & { progress: ImportProgress },
  batch: StagedBatch,
  options: RunOptions,
  /** Decides rows, once it is known which were imported before. */
  decide: () => void = () => {},
): Promise<void> {
  const { io } = context;
  const open = await openBatch(deps, batch);
  try {
    decide();
    const plan = await planImport(deps, open).finally(() => deps.progress.end());
    tellPlan(io, deps.store, batch.id, plan);
    const before = resultOf(deps.store, batch.id, open.progress);
    refuseOtherTotals(deps, batch);
    const faulty = before.rejected + before.suspects;
    if (options.dryRun) {
      writeResult(io, options, before, true);
      if (faulty > 0) throw partly(before, 'a dry run: nothing was imported');
      return;
    }
    if (faulty > 0 && !batch.options.commit.partial) {
      writeResult(io, options, before);
      tellNext(io, before);
      throw partly(before, 'nothing was imported', 'To import the others all the same: --partial');
    }
    if (plan.counts.new === 0) {
      writeResult(io, options, before);
      if (faulty > 0) throw partly(before, 'nothing was new');
      return;
    }
    await confirm(context, plan, batch, options);
    deps.progress.total = plan.counts.new;
    const result = await inCommandSpan(
      context,
      'import commit',
      { 'donations.batch': batch.id },
      () => commitImport(deps, open),
    ).finally(() => deps.progress.end());
    writeResult(io, options, result);
    tellNext(io, result);
    if (faulty > 0) throw partly(result, 'the others were imported');
  } finally {
    await open.session.end();
  }
}

/** The control totals are of what the file holds: what is new, and what was imported of it before. */
function refuseOtherTotals({ store }: ImportDeps, batch: StagedBatch): void {
  const { expectCount, expectTotals } = batch.options.commit;
  if (expectCount === undefined && Object.keys(expectTotals).length === 0) return;
  const found = describeRows(store, batch.id, ['new', 'duplicate', 'imported']);
  checkControlTotals(batch.options.commit, { count: found.rows, totals: found.byCurrency });
}

function partly(
  { rejected, suspects }: ImportResult,
  what: string,
  hint = 'The text above says what to do.',
): UserError {
  const parts = [
    rejected > 0 ? `${rejected} row${rejected === 1 ? ' was' : 's were'} rejected` : '',
    suspects > 0 ? `${suspects} need${suspects === 1 ? 's' : ''} a look` : '',
  ].filter((part) => part !== '');
  return new UserError('partly_done', `${parts.join(' and ')}: ${what}`, hint);
}

async function confirm(
  context: Context,
  plan: ImportPlan,
  batch: StagedBatch,
  { yes }: RunOptions,
): Promise<void> {
  if (yes) return;
  const { receipts } = batch.options.commit;
  const question = `Import ${plural(plan.counts.new, 'row')}, ${receipts ? 'and e-mail their receipts' : 'without receipts'}?`;
  if (await confirmYes(context, question)) return;
  throw new UserError(
    'confirmation_needed',
    `nothing was imported: ${plural(plan.counts.new, 'row')} could be, and the import was not confirmed`,
    `Say yes with --yes; or later: donations import resume ${batch.id} --yes`,
  );
}

/** Says how to go on when a person ends an import in the middle. */
export function tellInterrupted(context: Context, batch: string): void {
  if (context.signal.aborted)
    say(context.io, `Interrupted. What was begun goes on with: donations import resume ${batch}`);
}
