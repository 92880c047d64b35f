import { openDb } from '../../lib/db/database.ts';
import { describeDatabase } from '../../lib/db/describe.ts';
import { whyReadOnly } from '../../lib/monitor/privileges.ts';
import type { Context } from '../context.ts';
import type { Opened } from './start.tsx';

/** Opens what the monitor looks through: connections of its own, and whether it may change anything. */
export async function openMonitor(
  context: Context,
  { readOnly, timeoutMs }: { readOnly: boolean; timeoutMs: number },
): Promise<Opened> {
  const config = await context.config();
  // Started, set up and of the right mode.
  await context.db();
  const db = openDb({
    url: await context.databaseUrl(),
    applicationName: 'donations monitor',
    poolSize: 3,
  });
  const why = readOnly ? 'started with --read-only' : await whyReadOnly(db);
  const { actor } = await context.operator();
  return {
    db,
    timeoutMs: Math.min(timeoutMs, config.queue.readTimeoutMs),
    session: {
      where: describeDatabase(config).where,
      mode: config.mode,
      readOnly: why,
      actor,
    },
  };
}
