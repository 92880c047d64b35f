import type { Command } from 'commander';
import { usageError } from '../../../lib/errors.ts';
import { parseCount, parseShare } from '../../../lib/parse.ts';
import type { JobPlan } from '../../../lib/queue/change/plan.ts';
import type { Context } from '../../context.ts';
import type { MakePacing } from '../../shared/run-bulk.ts';

export interface CanaryOptions {
  canary?: string;
  maxFailures?: string;
}

const MAX_FAILURES = '20%';

/** Adds `--canary`, for changes whose jobs run at once. */
export const withCanary = (command: Command): Command =>
  command
    .option('--canary <n>', 'run this many first, and continue only if they succeed')
    .option(
      '--max-failures <share>',
      `with --canary: stop when a larger share has failed (default: ${MAX_FAILURES})`,
    );

/** The pacing of the options; undefined for full speed. */
export function canaryOf(
  context: Context,
  options: CanaryOptions,
): MakePacing<JobPlan> | undefined {
  const maxFailures = parseShare(options.maxFailures ?? MAX_FAILURES);
  if (options.canary === undefined) {
    if (options.maxFailures === undefined) return undefined;
    throw usageError('--max-failures belongs to --canary', 'Add --canary with a number of jobs.');
  }
  const canary = parseCount(options.canary, { max: 1000 });
  const { signal } = context;
  return async (plan, note) => {
    const { startRollout } = await import('../../../lib/queue/change/rollout.ts');
    return startRollout(plan, {
      db: await context.db(),
      canary,
      maxFailures,
      signal,
      onWait({ pending, failed }) {
        const failures = failed > 0 ? `, ${failed} failed` : '';
        note(pending > 0 ? `waiting for ${pending} of them${failures}` : '');
      },
    });
  };
}
