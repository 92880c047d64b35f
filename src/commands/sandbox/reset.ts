import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { openSandbox } from './shared/open-sandbox.ts';

/** `donations sandbox reset`: empties the doubles. */
export function sandboxResetCommand(context: Context): Command {
  const command = new Command('reset').description(
    'Empty the doubles: forget charges, customers, mails and faults.',
  );
  return examples(command, [
    ['donations sandbox reset', 'the doubles as new'],
    ['donations db reset --yes && donations sandbox reset', 'everything as new'],
  ]).action(async () => {
    await (await openSandbox(context)).reset();
    say(context.io, 'The sandbox is empty.');
  });
}
