import { openDb } from '../../lib/db/database.ts';
import { describeDatabase } from '../../lib/db/describe.ts';
import { usageError } from '../../lib/errors.ts';
import { resolveRules } from '../../lib/health/rule-settings.ts';
import { whyReadOnly } from '../../lib/monitor/privileges.ts';
import type { Context } from '../context.ts';
import type { Opened } from './opened.ts';
import type { WindowName } from './windows.ts';

/** No question of the monitor takes longer: a panel that is late says so. */
const TIMEOUT_MS = 2000;

/** @throws UserError `usage` that names what works without a terminal. */
export function refuseWithoutTerminal({ io }: Context): void {
  const hint =
    'One frame as text: donations monitor --once. What it shows, for scripts: donations monitor --json';
  if (!io.stdin.isTTY || !io.stdout.isTTY)
    throw usageError('donations monitor needs a terminal to draw on and to read keys from', hint);
  if (io.env.TERM === 'dumb')
    throw usageError('donations monitor cannot draw on this terminal (TERM=dumb)', hint);
}

/** Opens what the monitor looks through: connections of its own, and whether it may change anything. */
export async function openMonitor(
  context: Context,
  { readOnly }: { readOnly: boolean },
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
    timeoutMs: Math.min(TIMEOUT_MS, config.queue.readTimeoutMs),
    session: {
      where: describeDatabase(config).where,
      mode: config.mode,
      readOnly: why,
      rules: resolveRules(config.health.rules),
      actor,
    },
  };
}

/** Runs the monitor on the terminal until the user ends it. */
export async function watchQueue(
  context: Context,
  { readOnly, window }: { readOnly: boolean; window: WindowName },
): Promise<void> {
  const opened = await openMonitor(context, { readOnly });
  try {
    const { runMonitor } = await import('./start.tsx');
    await runMonitor(context, opened, window);
  } finally {
    await opened.db.close();
  }
}
