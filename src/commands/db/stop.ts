import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { embeddedOnly } from './shared/embedded-only.ts';

/** `donations db stop`: stops the embedded Postgres. */
export function dbStopCommand(context: Context): Command {
  const command = new Command('stop').description(
    'stop the embedded Postgres; the next command starts it again',
  );
  return examples(command, [
    ['donations db stop', 'stop it cleanly'],
    ['donations db status', 'check whether it is running'],
  ]).action(async () => {
    const { dataDir } = await embeddedOnly(context);
    const { stopEmbedded } = await import('../../lib/db/embedded.ts');
    say(
      context.io,
      (await stopEmbedded({ dataDir })) ? 'Postgres has stopped.' : 'Postgres was not running.',
    );
  });
}
