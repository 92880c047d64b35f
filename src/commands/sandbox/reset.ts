import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { openSandbox } from './shared/open-sandbox.ts';

/** `donations sandbox reset`: empties the doubles. */
export function sandboxResetCommand(context: Context): Command {
  const command = new Command('reset').description(
    'Delete all charges, customers, mails and faults of the doubles.',
  );
  return examples(command, [
    ['donations sandbox reset', 'empty the doubles'],
    ['donations db reset --yes && donations sandbox reset', 'empty the database and the doubles'],
  ]).action(async () => {
    await (await openSandbox(context)).reset();
    say(context.io, 'The sandbox is empty.');
  });
}
