import { Command } from 'commander';
import { print } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('url');

/** `donations sandbox start`: starts the doubles in the background. */
export function sandboxStartCommand(context: Context): Command {
  const command = new Command('start').description(
    'Start the doubles of Stripe and SendGrid in the background.',
  );
  return examples(withOutput(command, FIELDS), [
    ['donations sandbox start', 'prints where they listen'],
    ['STRIPE_API_BASE=$(donations sandbox start) my-app', 'let another program use them'],
  ]).action(async (options: OutputOptions) => {
    const { ensureSandbox } = await import('../../lib/sandbox/daemon.ts');
    const { url } = await ensureSandbox({ dataDir: (await context.config()).dataDir });
    writeDone(context.io, options, FIELDS, { url }, () => print(context.io, url));
  });
}
