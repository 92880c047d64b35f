import { Command } from 'commander';
import { print } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

/** `donations sandbox start`: starts the doubles in the background. */
export function sandboxStartCommand(context: Context): Command {
  const command = new Command('start').description(
    'Start the doubles of Stripe and SendGrid in the background.',
  );
  return examples(command, [
    ['donations sandbox start', 'prints where they listen'],
    ['STRIPE_API_BASE=$(donations sandbox start) my-app', 'let another program use them'],
  ]).action(async () => {
    const { ensureSandbox } = await import('../../lib/sandbox/daemon.ts');
    const { url } = await ensureSandbox({ dataDir: (await context.config()).dataDir });
    print(context.io, url);
  });
}
