import { openDb } from '../../lib/db/database.ts';
import { describeDatabase } from '../../lib/db/describe.ts';
import { usageError } from '../../lib/errors.ts';
import { resolveRules } from '../../lib/health/rule-settings.ts';
import { parseMoment } from '../../lib/moment.ts';
import { whyReadOnly } from '../../lib/monitor/privileges.ts';
import type { Context } from '../context.ts';
import type { Opened } from './opened.ts';
import type { Past } from './state.ts';
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

export interface OpenOptions {
  readOnly: boolean;
  /** The moment of the past to show, as it was typed; undefined for now. */
  at?: string | undefined;
}

/**
 * Opens what the monitor looks through: connections of its own, and whether it may change anything.
 * @throws UserError `usage` when the moment is none of the past.
 */
export async function openMonitor(
  context: Context,
  { readOnly, at }: OpenOptions,
): Promise<Opened> {
  const config = await context.config();
  const past = at === undefined ? undefined : pastAt(at, context, config.organization.timeZone);
  // Started, set up and of the right mode.
  await context.db();
  const db = openDb({
    url: await context.databaseUrl(),
    applicationName: 'donations monitor',
    poolSize: 3,
  });
  const why = past
    ? 'this is the past, which cannot be changed: donations monitor shows the queue of now'
    : readOnly
      ? 'started with --read-only'
      : await whyReadOnly(db);
  const { actor } = await context.operator();
  return {
    db,
    past,
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

function pastAt(text: string, { clock }: Context, timeZone: string): Past {
  const now = clock.now();
  const at = parseMoment(text, { now, timeZone });
  if (at.getTime() > now.getTime())
    throw usageError(`"${text}" is in the future`, 'The queue of now: donations monitor');
  // Every clock of the screen then shows the time zone in which the moment was given.
  process.env.TZ = timeZone;
  return { at: at.getTime(), latest: now.getTime(), timeZone };
}

/** Runs the monitor on the terminal until the user ends it. */
export async function watchQueue(
  context: Context,
  { window, ...options }: OpenOptions & { window: WindowName },
): Promise<void> {
  const opened = await openMonitor(context, options);
  try {
    const { runMonitor } = await import('./start.tsx');
    await runMonitor(context, opened, window);
  } finally {
    await opened.db.close();
  }
}
