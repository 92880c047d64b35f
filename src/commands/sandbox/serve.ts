import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

/**
 * `donations sandbox serve`: runs the sandbox in this process. Other commands start it in the
 * background.
 */
export function sandboxServeCommand(context: Context): Command {
  const command = new Command('serve')
    .description('Run the sandbox in this process until it is stopped.')
    .option(
      '--data-dir <path>',
      'the directory of its state; by default the configured data directory',
    )
    .action(async (options: { dataDir?: string }) => {
      const { serveSandbox } = await import('../../lib/sandbox/daemon.ts');
      context.stopsByItself = true;
      await serveSandbox(options.dataDir ?? (await context.config()).dataDir, context.signal);
    });
  return examples(command, [
    ['donations sandbox serve', 'in the foreground'],
    ['donations sandbox start', 'in the background, as other commands do by themselves'],
  ]);
}
