import type { Db, Queryable } from '../db/database.ts';

/** Who stopped a task: a person, a refused key, or a provider that is down. */
export type PauseCause = 'operator' | 'misconfigured' | 'circuit';

export interface Pause {
  task: string;
  cause: PauseCause;
  reason: string;
  since: Date;
  until: Date | null;
  probes: number;
  next_probe_at: Date | null;
}

/** The channel on which workers hear of changes to pauses. */
export const CONTROL_CHANNEL = 'donations_control';

const MAX_PROBE_MS = 60_000;

/** How long to wait before the n-th probe of a provider (0 the first): doubling from a second to a minute. */
export const probeDelayMs = (probes: number) => Math.min(MAX_PROBE_MS, 1000 * 2 ** probes);

/** The pauses in force now. */
export async function listPauses(db: Queryable): Promise<Pause[]> {
  const { rows } = await db.query<Pause>(
    `select task, cause, reason, since, until, probes, next_probe_at from donations.task_pauses
     where until is null or until > now() order by task, cause`,
  );
  return rows;
}

/**
 * Stops a task everywhere, and tells every worker. A pause of the same cause that is already there stays.
 * @param probes where the doubling of the probe delay begins; undefined for a pause that nobody probes.
 * @returns true when it was not paused for this cause before.
 */
export async function pauseTask(
  db: Db,
  pause: { task: string; cause: PauseCause; reason: string; until?: Date; probes?: number },
): Promise<boolean> {
  const probeMs = pause.probes === undefined ? null : probeDelayMs(pause.probes);
  return db.transaction(async (tx) => {
    const { rowCount } = await tx.query(
      `insert into donations.task_pauses (task, cause, reason, until, probes, next_probe_at)
       values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6::float8 / 1000))
       on conflict (task, cause) do nothing`,
      [pause.task, pause.cause, pause.reason, pause.until ?? null, pause.probes ?? 0, probeMs],
    );
    await tx.query('select pg_notify($1, $2)', [CONTROL_CHANNEL, pause.task]);
    return rowCount === 1;
  });
}

/** Lets a task run again and tells every worker. Without `cause`, whatever stopped it. */
export async function resumeTask(db: Db, task: string, cause?: PauseCause): Promise<Pause[]> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<Pause>(
      `delete from donations.task_pauses where task = $1 and ($2::text is null or cause = $2)
       returning task, cause, reason, since, until, probes, next_probe_at`,
      [task, cause ?? null],
    );
    await tx.query('select pg_notify($1, $2)', [CONTROL_CHANNEL, task]);
    return rows;
  });
}

/**
 * Takes the probes that are due, so that of all workers one asks the provider.
 * The next one is set at once: a prober that dies costs one round.
 */
export async function takeDueProbes(db: Queryable): Promise<Pause[]> {
  const { rows } = await db.query<Pause>(
    `update donations.task_pauses set probes = probes + 1,
       next_probe_at = now() + make_interval(secs => least($1, 1000 * 2 ^ least(probes + 1, 30)) / 1000)
     where (task, cause) in (
       select task, cause from donations.task_pauses where next_probe_at <= now() for update skip locked)
     returning task, cause, reason, since, until, probes, next_probe_at`,
    [MAX_PROBE_MS],
  );
  return rows;
}
