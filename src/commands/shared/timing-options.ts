import type { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { parseDuration, parseRate } from '../../lib/parse.ts';

export interface TimingOptions {
  spread?: string;
  rate?: string;
}

/** Adds the options that spread jobs over time. */
export function withTiming(command: Command): Command {
  return command
    .option('--spread <time>', 'spread over this time: 10m')
    .option('--rate <rate>', 'at most this many: 20/s, 600/m');
}

/** The timing that the options ask for, in milliseconds. */
export function timingOf({ spread, rate }: TimingOptions): { spreadMs?: number; everyMs?: number } {
  if (spread !== undefined && rate !== undefined)
    throw usageError('--spread and --rate contradict each other', 'Use only one of them.');
  if (spread !== undefined) return { spreadMs: parseDuration(spread) };
  if (rate !== undefined) return { everyMs: 1000 / parseRate(rate) };
  return {};
}
