import { Command } from 'commander';
import { addressOf } from '../../lib/db/address.ts';
import { print, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { embeddedOnly } from './shared/embedded-only.ts';

/** `donations db start`: starts the embedded Postgres and leaves it running. */
export function dbStartCommand(context: Context): Command {
  const command = new Command('start').description(
    'start the embedded Postgres, and leave it running',
  );
  return examples(command, [
    ['donations db start', 'commands that need it do this by themselves'],
    ['psql "$(donations db url)"', 'open a prompt on it'],
  ]).action(async () => {
    const { dataDir } = await embeddedOnly(context);
    const { startEmbedded } = await import('../../lib/db/embedded.ts');
    const { url, started } = await startEmbedded({ dataDir });
    say(
      context.io,
      started
        ? `Postgres is running in ${dataDir}.`
        : `Postgres was running already in ${dataDir}.`,
    );
    print(context.io, addressOf(url)?.server ?? '');
  });
}
