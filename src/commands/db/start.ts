import { Command } from 'commander';
import { addressOf } from '../../lib/db/address.ts';
import { print, say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';
import { embeddedOnly } from './shared/embedded-only.ts';

const FIELDS = fieldsOf('status', 'started', 'host', 'data_dir');

/** `donations db start`: starts the embedded Postgres and leaves it running. */
export function dbStartCommand(context: Context): Command {
  const command = new Command('start').description(
    'start the embedded Postgres, and leave it running',
  );
  return examples(withOutput(command, FIELDS), [
    ['donations db start', 'commands that need it do this by themselves'],
    ['psql "$(donations db url)"', 'open a prompt on it'],
  ]).action(async (options: OutputOptions) => {
    const { dataDir } = await embeddedOnly(context);
    const { startEmbedded } = await import('../../lib/db/embedded.ts');
    const { url, started } = await startEmbedded({ dataDir });
    const { io } = context;
    const host = addressOf(url)?.server ?? '';
    writeDone(io, options, FIELDS, { status: 'running', started, host, data_dir: dataDir }, () => {
      say(io, `Postgres ${started ? 'is running' : 'was running already'} in ${dataDir}.`);
      print(io, host);
    });
  });
}
