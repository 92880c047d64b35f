import type { Command } from 'commander';
import type { BoundedCount } from '../../lib/db/page.ts';
import { type Io, say } from '../../lib/output/io.ts';
import { plural } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { commandLine } from './command-line.ts';

export interface PagingOptions {
  limit: string;
  after?: string;
}

/** Adds what a list has that is shown page by page. */
export const withPaging = (command: Command): Command =>
  command
    .option('--limit <n>', 'how many', '50')
    .option('--after <cursor>', 'go on after the page that printed this')
    .option('--wide', 'on a terminal, all columns and whole ids');

/** Says how many there are, and the command that shows the next page. */
export function sayPage(
  { io, args }: Pick<Context, 'io' | 'args'>,
  shown: number,
  {
    total: { count, more },
    next,
    one,
    many,
  }: { total: BoundedCount; next: string | undefined; one: string; many?: string },
): void {
  if (shown === 0) return;
  say(io, `${shown} of ${more ? 'more than ' : ''}${plural(count, one, many)}.`);
  if (next) say(io, `Next: ${commandLine([...withoutAfter(args), '--after', next])}`);
}

/** Says that a list without pages has more rows than its limit. */
export function sayMore(io: Io, limit: number): void {
  say(io, `The first ${limit}. There are more: --limit shows them.`);
}

const withoutAfter = (args: string[]) =>
  args.filter((arg, i) => !/^--after(=|$)/.test(arg) && args[i - 1] !== '--after');
