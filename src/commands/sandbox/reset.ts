import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';
import { openSandbox } from './shared/open-sandbox.ts';

const FIELDS = fieldsOf('reset');

/** `donations sandbox reset`: empties the doubles. */
export function sandboxResetCommand(context: Context): Command {
  const command = new Command('reset').description(
    'Delete all charges, customers, mails and faults of the doubles.',
  );
  return examples(withOutput(command, FIELDS), [
    ['donations sandbox reset', 'empty the doubles'],
    ['donations db reset --yes && donations sandbox reset', 'empty the database and the doubles'],
  ]).action(async (options: OutputOptions) => {
    await (await openSandbox(context)).reset();
    writeDone(context.io, options, FIELDS, { reset: true }, () =>
      say(context.io, 'The sandbox is empty.'),
    );
  });
}
