import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';

/** `donations sandbox serve`: the sandbox in this process; `sandbox start` runs it in the background. */
export function sandboxServeCommand(context: Context): Command {
  const command = new Command('serve').description('run the sandbox in this process until told to stop');
  return examples(command, [
    ['donations sandbox serve', 'in the foreground'],
    ['donations sandbox start', 'in the background, as other commands do by themselves'],
  ]).action(async () => {
    const { serveSandbox } = await import('../../lib/providers/doubles/daemon.ts');
    context.stopsByItself = true;
    await serveSandbox((await context.config()).dataDir, context.signal);
  });
}
