import { type Command, Option } from 'commander';
import { notFound, UserError, usageError } from '../../../lib/errors.ts';
import type { Filter } from '../../../lib/filter/parse.ts';
import { print, say } from '../../../lib/output/io.ts';
import {
  chosenFormat,
  fieldsOf,
  type OutputOptions,
  renderOne,
} from '../../../lib/output/render.ts';
import { capital, grouped, plural } from '../../../lib/output/text.ts';
import { parseCount, parseShare } from '../../../lib/parse.ts';
import type { Change } from '../../../lib/queue/change/change.ts';
import type { Pacing, Stop } from '../../../lib/queue/change/pacing.ts';
import type { Plan } from '../../../lib/queue/change/plan.ts';
import type { Context } from '../../context.ts';
import { confirmByTyping, confirmYes } from '../../shared/confirm.ts';
import { type FilterOptions, filterOf, withFilter } from '../../shared/filter-options.ts';
import { withOutput } from '../../shared/output-options.ts';
import { PLAN_FIELDS, planRecord, planText } from './plan-text.ts';
import { Progress } from './progress.ts';

export type BulkOptions = OutputOptions &
  FilterOptions & {
    dryRun?: boolean;
    yes?: boolean;
    confirm?: string;
    limit?: string;
    reason?: string;
    canary?: string;
    maxFailures?: string;
  };

const DONE_FIELDS = fieldsOf('operation', 'changed', 'planned', 'skipped', 'stopped', 'outcomes');

/** Adds what every change of many jobs takes: ids or a filter, and how carefully it is done. */
export function withBulk(command: Command): Command {
  return withOutput<BulkOptions>(
    withFilter(command, 'job ids, or terms that must all hold: task:… error:~… age:>1h')
      .option('--dry-run', 'say what would be done, and do nothing')
      .option('--yes', 'ask nothing')
      .option('--confirm <n>', 'ask nothing, unless it would be more jobs than this')
      .option('--limit <n>', 'at most so many jobs, those enqueued first')
      .option('--reason <text>', 'why, for the audit trail'),
    ({ dryRun }) => (dryRun ? PLAN_FIELDS : DONE_FIELDS),
  );
}

/** Adds `--canary`, for changes whose jobs are run at once. */
export function withCanary(command: Command): Command {
  return command
    .option('--canary <n>', 'so many first; go on only if they succeed')
    .addOption(
      new Option(
        '--max-failures <share>',
        'with --canary: stop when more than this have failed',
      ).default('20%'),
    );
}

/** Words that are all numbers are job ids; otherwise they are a filter. */
export function chosenJobs(words: string[], options: FilterOptions): Filter {
  const ids = words.filter((word) => /^\d+$/.test(word));
  const filter = filterOf(
    ids.length > 0
      ? [...words.filter((word) => !ids.includes(word)), `job:${ids.join(',')}`]
      : words,
    options,
  );
  if (filter.terms.length === 0) {
    throw usageError(
      'say which jobs: ids, --failed, or a filter',
      "For instance --failed, or 'task:send_receipt error:~timeout'.",
    );
  }
  return filter;
}

/** Plans a change, asks, makes it, says what was done. */
export async function runChange(
  context: Context,
  change: Change,
  asked: Filter,
  options: BulkOptions,
): Promise<void> {
  const limit = options.limit ? parseCount(options.limit) : Number.MAX_SAFE_INTEGER;
  const canary = options.canary ? parseCount(options.canary, { max: 1000 }) : undefined;
  const maxFailures = parseShare(options.maxFailures ?? '20%');
  const confirmed = options.confirm ? parseCount(options.confirm, { max: 1e9 }) : undefined;
  const [{ filterFor, hasOutgrown, planChange }, { applyChange }, { Pacing }] = await Promise.all([
    import('../../../lib/queue/change/plan.ts'),
    import('../../../lib/queue/change/apply.ts'),
    import('../../../lib/queue/change/pacing.ts'),
  ]);
  const { io, signal } = context;
  const db = await context.db();
  const filter = filterFor(change, asked);
  const plan = await planChange(db, change, filter);
  const count = Math.min(plan.eligible, limit);
  const json = chosenFormat(options).format !== 'table';

  if (plan.eligible + plan.skipped.length === 0 && namesOneJob(filter)) {
    throw notFound(
      `no job ${filter.terms[0]?.values[0]} in the queue`,
      'A job that came through is gone: donations show <id> tells of it.',
    );
  }
  const shown = { change, filter, plan, count };
  if (options.dryRun) {
    if (json) renderOne(io, options, PLAN_FIELDS, planRecord(shown));
    else print(io, planText(io, shown));
    return;
  }
  if (!json) say(io, planText(io, shown));
  if (count === 0) {
    if (json) {
      const { skipped } = plan;
      const nothing = { operation: null, changed: 0, planned: 0, skipped, stopped: null };
      renderOne(io, options, DONE_FIELDS, { ...nothing, outcomes: null });
    }
    return;
  }
  if (canary !== undefined) await refusePaused(context, plan);
  const wasAsked = await confirm(context, change, filter, count, { yes: options.yes, confirmed });
  // While somebody was thinking, more may have come.
  if (wasAsked && (await hasOutgrown(db, change, filter, plan))) {
    throw new UserError(
      'try_again',
      `since the plan of ${plan.eligible} jobs there are more`,
      'Look again, and confirm what there is now.',
    );
  }

  context.stopsByItself = true;
  const progress = new Progress(io, count);
  const pacing = new Pacing({
    db,
    canary,
    maxFailures,
    signal,
    onWait: ({ pending, failed }) =>
      progress.note(
        pending > 0
          ? `waiting for ${pending} of them${failed > 0 ? `, ${failed} failed` : ''}`
          : '',
      ),
  });
  let done = 0;
  const applied = await applyChange(db, {
    change,
    filter,
    plan,
    operator: await context.operator(),
    reason: options.reason,
    limit,
    atOnce: pacing.atOnce,
    next: pacing.next,
    onChunk(changed) {
      done = changed;
      progress.show(changed);
    },
  })
    .finally(() => progress.end())
    .catch((error) => {
      const [some, all] = [done, count].map(grouped);
      if (done > 0)
        say(io, `${some} of ${all} jobs were done before this; the same command does the rest:`);
      throw error;
    });
  tell(context, change, { ...applied, count, plan, pacing, options });
}

const namesOneJob = ({ terms }: Filter) =>
  terms.length === 1 && terms[0]?.name === 'job' && terms[0].values.length === 1;

async function refusePaused(context: Context, plan: Plan): Promise<void> {
  const { listPauses } = await import('../../../lib/queue/run/pauses.ts');
  const paused = (await listPauses(await context.db())).find(({ task }) =>
    plan.tasks.some((each) => each.task === task),
  );
  if (!paused) return;
  throw new UserError(
    'failed',
    `${paused.task} is paused, so nothing would be learnt of a canary`,
    `First: donations jobs resume ${paused.task}`,
  );
}

/**
 * One job is retried without a question; else the more it is, the more has to be typed.
 * @returns whether somebody was asked.
 */
async function confirm(
  context: Context,
  change: Change,
  filter: Filter,
  count: number,
  { yes, confirmed }: { yes: boolean | undefined; confirmed: number | undefined },
): Promise<boolean> {
  if (yes) return false;
  if (confirmed !== undefined) {
    if (count <= confirmed) return false;
    throw new UserError(
      'confirmation_needed',
      `${confirmed} jobs were confirmed, and it would be ${count}`,
      'Nothing was changed. See which: --dry-run',
    );
  }
  const one = namesOneJob(filter);
  if (one && change.verb !== 'discard') return false;
  const agreed = one
    ? await confirmYes(context, `${capital(change.verb)} this job?`)
    : await confirmByTyping(context, '', String(count));
  if (agreed) return true;
  throw new UserError(
    'confirmation_needed',
    `nothing was changed: ${plural(count, 'job')} to ${change.verb} and nobody said yes`,
    `Say yes with --yes, or --confirm ${count}; see first with --dry-run.`,
  );
}

const STOPPED: Record<Stop, string> = {
  interrupted: 'stopped: the same command does the rest.',
  canary_failed: 'the canary failed, so the rest was left alone',
  too_many_failures: 'too many have failed, so the rest was left alone',
  nobody_runs_them: 'no worker has run them for two minutes, so the rest was left alone',
};

interface Done {
  operation: string | undefined;
  changed: number;
  count: number;
  plan: Plan;
  pacing: Pacing;
  options: OutputOptions;
}

function tell(context: Context, change: Change, done: Done): void {
  const { io } = context;
  const { operation, changed, count, plan, pacing, options } = done;
  const { stopped, outcomes } = pacing;
  if (chosenFormat(options).format !== 'table') {
    const { skipped } = plan;
    const told = { operation, changed, planned: count, skipped, stopped, outcomes };
    renderOne(io, options, DONE_FIELDS, told);
  } else {
    const PAST: Record<string, string> = {
      retry: 'Retried',
      discard: 'Discarded',
      reschedule: 'Rescheduled',
    };
    const others =
      !stopped && changed < count ? ` (${count - changed} were changed by others meanwhile)` : '';
    print(io, `${PAST[change.verb]} ${grouped(changed)} of ${plural(count, 'job')}${others}.`);
  }
  if (operation) say(io, nextStep(change, operation));
  if (stopped === 'interrupted') {
    say(io, capital(STOPPED.interrupted));
    throw new Error('interrupted');
  }
  if (stopped)
    throw new UserError('partly_done', STOPPED[stopped], 'What went wrong: donations jobs errors');
}

const nextStep = (change: Change, operation: string) =>
  change.verb === 'discard'
    ? `Undo: donations jobs restore ${operation}`
    : `Next: donations jobs stats   (audit: donations audit show ${operation})`;
