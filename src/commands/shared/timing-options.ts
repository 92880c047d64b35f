import type { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { parseDuration, parseRate } from '../../lib/parse.ts';

export interface TimingOptions {
  spread?: string;
  rate?: string;
}

/** Adds the options that keep many jobs from being run all at once. */
export function withTiming(command: Command): Command {
  return command
    .option('--spread <time>', 'over this time, not all at once: 10m')
    .option('--rate <rate>', 'so many a second or minute: 20/s, 600/m');
}

/** What they say, in milliseconds. */
export function timingOf({ spread, rate }: TimingOptions): { spreadMs?: number; everyMs?: number } {
  if (spread !== undefined && rate !== undefined)
    throw usageError('--spread and --rate say the same in two ways', 'Give one of them.');
  if (spread !== undefined) return { spreadMs: parseDuration(spread) };
  if (rate !== undefined) return { everyMs: 1000 / parseRate(rate) };
  return {};
}
