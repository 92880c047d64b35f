import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

/** `donations sandbox stop`: stops the doubles; their state stays. */
export function sandboxStopCommand(context: Context): Command {
  const command = new Command('stop').description(
    'Stop the doubles; their inbox and charges are kept.',
  );
  return examples(command, [
    ['donations sandbox stop', 'stop them'],
    ['donations sandbox start', 'start them again, as they were'],
  ]).action(async () => {
    const { stopSandbox } = await import('../../lib/sandbox/daemon.ts');
    const stopped = await stopSandbox({ dataDir: (await context.config()).dataDir });
    say(context.io, stopped ? 'The sandbox has stopped.' : 'The sandbox was not running.');
  });
}
