import { Command } from 'commander';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { refuseCsv } from '../shared/watch.ts';
import { writeLife } from '../shared/write-result.ts';

const FIELDS = fieldsOf('status', 'url', 'pid', 'data_dir');

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
    .action(async (options: OutputOptions & { dataDir?: string }) => {
      refuseCsv(options, 'sandbox serve');
      const { serveSandbox } = await import('../../lib/sandbox/daemon.ts');
      context.stopsByItself = true;
      const dataDir = options.dataDir ?? (await context.config()).dataDir;
      const say = (status: 'running' | 'stopped', url: string) =>
        writeLife(context.io, options, FIELDS, {
          status,
          url,
          pid: process.pid,
          data_dir: dataDir,
        });
      const { url } = await serveSandbox(dataDir, context.signal, (url) => say('running', url));
      say('stopped', url);
    });
  return examples(withOutput(command, FIELDS), [
    ['donations sandbox serve', 'in the foreground'],
    ['donations sandbox start', 'in the background, as other commands do by themselves'],
  ]);
}
