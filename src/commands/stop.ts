import { Command } from 'commander';
import { say } from '../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../lib/output/render.ts';
import type { Context } from './context.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

const FIELDS = fieldsOf('data_dir', 'database_stopped', 'sandbox_stopped');

/** `donations stop`: stops what commands left running in the data directory. */
export function stopCommand(context: Context): Command {
  const command = new Command('stop').description(
    'stop the database and the doubles of the data directory; their data is kept',
  );
  return examples(withOutput(command, FIELDS), [
    ['donations stop', 'the next command that needs them starts them again'],
    ['donations stop --json', 'for a script'],
  ]).action(async (options: OutputOptions) => {
    const { dataDir } = await context.connection();
    const [{ stopEmbedded }, { stopSandbox }] = await Promise.all([
      import('../lib/db/embedded.ts'),
      import('../lib/sandbox/daemon.ts'),
    ]);
    const sandbox = await stopSandbox({ dataDir });
    const database = await stopEmbedded({ dataDir });
    const { io } = context;
    if (chosenFormat(options).format !== 'table') {
      const stopped = { database_stopped: database, sandbox_stopped: sandbox };
      return renderOne(io, options, FIELDS, { data_dir: dataDir, ...stopped });
    }
    say(io, database ? `The database in ${dataDir} has stopped.` : 'No database was running.');
    say(io, sandbox ? 'The doubles have stopped.' : 'No doubles were running.');
  });
}
