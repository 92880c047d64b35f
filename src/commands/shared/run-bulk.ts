import type { Applied } from '../../lib/bulk/apply.ts';
import type { BulkChange, Pacing, Plan } from '../../lib/bulk/change.ts';
import { UserError } from '../../lib/errors.ts';
import { type Io, print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, renderOne } from '../../lib/output/render.ts';
import { capital, grouped } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { type BulkOptions, bulkLimits } from './bulk-options.ts';
import { planText, writePlan } from './bulk-plan.ts';
import { confirmChange } from './confirm-bulk.ts';
import { inCommandSpan } from './in-span.ts';
import { Progress } from './progress.ts';

/** Makes a pacing other than full speed. `note` is shown next to the progress. */
export type MakePacing<P extends Plan> = (plan: P, note: (text: string) => void) => Promise<Pacing>;

/** What a change did, for scripts. */
export type BulkResult = Record<string, unknown>;

export interface BulkHow<P extends Plan> {
  makePacing?: MakePacing<P> | undefined;
  /** Takes the result for scripts, which is otherwise written to stdout. */
  onResult?: (result: BulkResult) => void;
}

/** Plans a change, asks for confirmation, applies it, and reports the result. */
export async function runBulk<P extends Plan>(
  context: Context,
  change: BulkChange<P>,
  options: BulkOptions,
  { makePacing, onResult }: BulkHow<P> = {},
): Promise<void> {
  const { limit, confirmed } = bulkLimits(options);
  const [{ applyChange }, { atFullSpeed }] = await Promise.all([
    import('../../lib/bulk/apply.ts'),
    import('../../lib/bulk/pacing.ts'),
  ]);
  const { io, signal } = context;
  const json = chosenFormat(options).format !== 'table';
  const write = onResult ?? ((result) => writeResult(io, options, result));
  const db = await context.db();
  const plan = await change.plan(db, limit);
  if (options.dryRun)
    return json ? writePlan(io, options, change, plan) : print(io, planText(io, change, plan));
  if (!json) say(io, planText(io, change, plan));
  if (plan.count === 0) {
    const { skipped } = plan;
    if (json) write({ ...NOTHING, skipped });
    return;
  }

  const progress = new Progress(io, plan.count);
  const pacing = makePacing
    ? await makePacing(plan, (text) => progress.note(text))
    : atFullSpeed(signal);
  const wasAsked = await confirmChange(context, change, plan, { yes: options.yes, confirmed });
  // More rows may have become eligible while the person was deciding.
  if (wasAsked && (await change.hasOutgrown(db, plan))) {
    throw new UserError(
      'try_again',
      `more ${change.words.many} became eligible since the plan of ${grouped(plan.eligible)}`,
      'Nothing was changed. Run the command again, and confirm the new plan.',
    );
  }

  context.stopsByItself = true;
  const operator = await context.operator();
  const { reason } = options;
  let done = 0;
  const onChunk = (changed: number) => {
    done = changed;
    progress.show(changed);
  };
  const words = change.action.replace('.', ' ');
  const applied = await inCommandSpan(context, words, { 'donations.planned': plan.count }, () =>
    applyChange(db, change, { plan, operator, reason, pacing, onChunk }),
  )
    .finally(() => progress.end())
    .catch((error) => {
      if (done > 0)
        say(
          io,
          `${grouped(done)} of ${grouped(plan.count)} ${change.words.many} were changed before this error; run the same command again for the rest:`,
        );
      throw error;
    });
  report(context, change, plan, { applied, pacing, write: json ? write : undefined });
}

const NOTHING = {
  audit: null,
  changed: 0,
  planned: 0,
  stopped: null,
  outcomes: { succeeded: 0, failed: 0, pending: 0 },
};

/** Writes the result for scripts. */
function writeResult(io: Io, options: BulkOptions, result: BulkResult): void {
  renderOne(io, options, fieldsOf(...Object.keys(result)), result);
}

/** Reports the result, and why some rows were not changed. */
function report<P extends Plan>(
  { io, signal }: Context,
  { words }: BulkChange<P>,
  { count, skipped }: P,
  {
    applied,
    pacing,
    write,
  }: { applied: Applied; pacing: Pacing; write: ((result: BulkResult) => void) | undefined },
): void {
  const { operation, changed } = applied;
  const { stopped, outcomes } = pacing;
  if (write) {
    const result = { audit: operation ?? null, changed, planned: count, skipped };
    write({ ...result, stopped: stopped?.code ?? null, outcomes });
  } else {
    const others =
      !stopped && changed < count
        ? ` (${grouped(count - changed)} were changed by others meanwhile)`
        : '';
    const what = count === 1 ? words.one : words.many;
    print(io, `${words.past} ${grouped(changed)} of ${grouped(count)} ${what}${others}.`);
  }
  if (operation) say(io, words.next(operation));
  if (!stopped) return;
  if (stopped.code !== 'interrupted')
    throw new UserError('partly_done', stopped.message, 'See the errors: donations jobs errors');
  say(io, capital(stopped.message));
  signal.throwIfAborted();
}
