import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { type Io, redraw } from '../../lib/output/io.ts';
import { chosenFormat, type OutputOptions } from '../../lib/output/render.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';

export interface WatchOptions extends OutputOptions {
  watch?: string;
}

/** Adds `--watch` to a command that lists. */
export const withWatch = (command: Command): Command =>
  command.option('--watch [interval]', 'again and again until Ctrl-C; by default each 2s');

/** What a command shows, into these streams. */
type Show<Options> = (io: Io, options: Options) => Promise<void>;

/**
 * Shows it once, or again and again: on a terminal in place of what was there, off one as NDJSON, one
 * set of rows after the other. The next look waits for the interval after the one before has ended.
 */
export async function showOrWatch<Options extends WatchOptions>(
  context: Context,
  options: Options,
  show: Show<Options>,
): Promise<void> {
  const { io, signal } = context;
  if (options.watch === undefined) return show(io, options);
  const { format } = chosenFormat(options);
  refuseCsv(options, '--watch');
  const intervalMs = parseDuration(options.watch);
  context.stopsByItself = true;
  while (!signal.aborted) {
    if (io.stdout.isTTY && format === 'table') await drawOver(io, options, show);
    // What is said to people is not for a log of rows.
    else await show({ ...io, stderr: sink(io.stderr) }, { ...options, output: 'ndjson' });
    await wait(intervalMs, undefined, { signal }).catch(() => {});
  }
}

/** @throws UserError `usage` for an output that has an end. */
export function refuseCsv(options: OutputOptions, what: string): void {
  if (chosenFormat(options).format === 'csv')
    throw usageError(
      `${what} does not go with --output csv`,
      'With --json it writes NDJSON: one object a line.',
    );
}

/** Draws the whole before any of it is seen. */
async function drawOver<Options>(io: Io, options: Options, show: Show<Options>): Promise<void> {
  let drawn = '';
  const page = (stream: NodeJS.WriteStream) => sink(stream, (text) => (drawn += text));
  await show({ ...io, stdout: page(io.stdout), stderr: page(io.stderr) }, options);
  redraw(io, drawn);
}

/** A stream like another, which keeps what is written. */
const sink = (like: NodeJS.WriteStream, keep: (text: string) => void = () => {}) =>
  ({
    isTTY: like.isTTY,
    columns: like.columns,
    write(text: string) {
      keep(text);
      return true;
    },
  }) as NodeJS.WriteStream;
