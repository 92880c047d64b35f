import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';
import { embeddedOnly } from './shared/embedded-only.ts';

const FIELDS = fieldsOf('database_stopped', 'data_dir');

/** `donations db stop`: stops the embedded Postgres. */
export function dbStopCommand(context: Context): Command {
  const command = new Command('stop').description(
    'stop the embedded Postgres; the next command starts it again',
  );
  return examples(withOutput(command, FIELDS), [
    ['donations db stop', 'stop it cleanly'],
    ['donations db status', 'check whether it is running'],
  ]).action(async (options: OutputOptions) => {
    const { dataDir } = await embeddedOnly(context);
    const { stopEmbedded } = await import('../../lib/db/embedded.ts');
    const stopped = await stopEmbedded({ dataDir });
    writeDone(context.io, options, FIELDS, { database_stopped: stopped, data_dir: dataDir }, () =>
      say(context.io, stopped ? 'Postgres has stopped.' : 'Postgres was not running.'),
    );
  });
}
