import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { type TimingOptions, timingOf, withTiming } from '../shared/timing-options.ts';
import { type ChangeOptions, chosenJobs, withJobs } from './shared/chosen-jobs.ts';

type Options = ChangeOptions & TimingOptions & { in?: string; at?: string; now?: boolean };

/** `donations jobs reschedule`: changes the run time of waiting jobs. */
export function jobsRescheduleCommand(context: Context): Command {
  const command = withTiming(
    withJobs(
      new Command('reschedule').description(
        'run waiting jobs sooner or later; their attempts stay as they are',
      ),
    ),
  )
    .option('--in <time>', 'this long from now: 30m')
    .option('--at <time>', 'at this time: 2026-11-24T08:00Z')
    .option('--now', 'now');
  return examples(command, [
    ['donations jobs reschedule --retrying --task tokenize_card --now', 'the provider is back'],
    ['donations jobs reschedule 4711 --at 2026-11-24T08:00Z', 'one job, tomorrow morning'],
  ]).action(async (words: string[], options: Options) => {
    const jobs = chosenJobs(words, options);
    const delayMs = delayOf(options, context.clock.now());
    const timing = { ...timingOf(options), delayMs };
    const { changeJobs } = await import('../../lib/queue/change/change-jobs.ts');
    const { reschedule } = await import('../../lib/queue/change/reschedule.ts');
    await runBulk(context, changeJobs(reschedule({ timing }), jobs), options);
  });
}

function delayOf(options: Options, now: Date): number {
  const given = [options.in, options.at, options.now].filter((each) => each !== undefined);
  if (given.length !== 1) throw usageError('the time is missing: use --in 30m, --at TIME or --now');
  if (options.in !== undefined) return parseDuration(options.in);
  if (options.at === undefined) return 0;
  const at = new Date(options.at);
  if (Number.isNaN(at.getTime()))
    throw usageError(`"${options.at}" is not a time`, 'Write it like 2026-11-24T08:00Z.');
  return Math.max(0, at.getTime() - now.getTime());
}
