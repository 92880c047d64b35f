import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('sandbox_stopped');

/** `donations sandbox stop`: stops the doubles; their state stays. */
export function sandboxStopCommand(context: Context): Command {
  const command = new Command('stop').description(
    'Stop the doubles; their inbox and charges are kept.',
  );
  return examples(withOutput(command, FIELDS), [
    ['donations sandbox stop', 'stop them'],
    ['donations sandbox start', 'start them again, as they were'],
  ]).action(async (options: OutputOptions) => {
    const { stopSandbox } = await import('../../lib/sandbox/daemon.ts');
    const stopped = await stopSandbox({ dataDir: (await context.config()).dataDir });
    writeDone(context.io, options, FIELDS, { sandbox_stopped: stopped }, () =>
      say(context.io, stopped ? 'The sandbox has stopped.' : 'The sandbox was not running.'),
    );
  });
}
