import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { type BulkOptions, chosenJobs, runChange, withBulk } from './shared/bulk.ts';
import { type PaceOptions, paceOf, withPace } from './shared/pace.ts';

type Options = BulkOptions & PaceOptions & { in?: string; at?: string; now?: boolean };

/** `donations jobs reschedule`: changes when jobs are run. */
export function jobsRescheduleCommand(context: Context): Command {
  const command = withPace(
    withBulk(
      new Command('reschedule').description('run waiting jobs sooner or later; attempts stay'),
    ),
  )
    .option('--in <time>', 'so long from now: 30m')
    .option('--at <time>', 'at this time: 2026-11-24T08:00Z')
    .option('--now', 'now');
  return examples(command, [
    ['donations jobs reschedule --retrying --task tokenize_card --now', 'the provider is back'],
    ['donations jobs reschedule 4711 --at 2026-11-24T08:00Z', 'one job, tomorrow morning'],
  ]).action(async (words: string[], options: Options) => {
    const jobs = chosenJobs(words, options);
    const delayMs = delayOf(options, context.clock.now());
    const { reschedule } = await import('../../lib/queue/change/reschedule.ts');
    const change = reschedule({ pace: { ...paceOf(options), delayMs } });
    await runChange(context, change, jobs, options);
  });
}

function delayOf(options: Options, now: Date): number {
  const given = [options.in, options.at, options.now].filter((each) => each !== undefined);
  if (given.length !== 1) throw usageError('say when: --in 30m, --at TIME or --now');
  if (options.in !== undefined) return parseDuration(options.in);
  if (options.at === undefined) return 0;
  const at = new Date(options.at);
  if (Number.isNaN(at.getTime()))
    throw usageError(`"${options.at}" is not a time`, 'Write it like 2026-11-24T08:00Z.');
  return Math.max(0, at.getTime() - now.getTime());
}
