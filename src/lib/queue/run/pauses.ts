import { type Actor, recordAudit } from '../../audit/record.ts';
import type { Db, Queryable } from '../../db/database.ts';
import type { TaskName } from '../tasks.ts';

/**
 * Why a task is paused: by a person, a refused key, a failing provider, or a provider's rate limit.
 */
export type PauseCause = 'operator' | 'misconfigured' | 'circuit' | 'rate_limited';

export interface Pause {
  task: string;
  cause: PauseCause;
  reason: string;
  since: Date;
  until: Date | null;
  probes: number;
  nextProbeAt: Date | null;
}

/** The channel that notifies workers of changed pauses. */
export const CONTROL_CHANNEL = 'donations_control';

/**
 * SQL: the time of the n-th probe (0 is the first): after one second, doubled each time up to one
 * minute.
 */
const nextProbe = (probes: string) =>
  `now() + make_interval(secs => least(60, 2 ^ least(${probes}, 30)))`;

/** SQL: the probe count of the ended pause `p`, if it ended recently. */
const PROBES_BEFORE = `case when p.until > now() - interval '5 minutes' then p.probes else 0 end`;

const COLUMNS = 'task, cause, reason, since, until, probes, next_probe_at as "nextProbeAt"';
const IN_FORCE = '(until is null or until > now())';

/** The pauses in force now. */
export async function listPauses(db: Queryable): Promise<Pause[]> {
  const { rows } = await db.query<Pause>(
    `select ${COLUMNS} from donations.task_pauses where ${IN_FORCE} order by task, cause`,
  );
  return rows;
}

/** The tasks that people had paused at a moment, from the audit trail. */
export async function pausedByPeopleAt(
  db: Queryable,
  at: Date,
): Promise<Pick<Pause, 'task' | 'cause' | 'reason' | 'since'>[]> {
  const { rows } = await db.query<Pick<Pause, 'task' | 'cause' | 'reason' | 'since'>>(
    `select task, 'operator' as cause, coalesce(reason, '') as reason, since from (
       select distinct on (subject) subject as task, action, reason, at as since,
         (detail #>> '{after,0,until}')::timestamptz as until
       from donations.audit_log
       where action in ('jobs.pause', 'jobs.resume') and at <= $1 order by subject, at desc) latest
     where action = 'jobs.pause' and coalesce(until > $1, true) order by task`,
    [at],
  );
  return rows;
}

const tellWorkers = (tx: Queryable, task: string) =>
  tx.query('select pg_notify($1, $2)', [CONTROL_CHANNEL, task]);

/**
 * Pauses a task on every worker. A pause of the same cause that is in force stays. A pause that a
 * probe ended recently continues with its probe count, so a provider that passes probes but refuses
 * jobs is probed less and less often.
 *
 * @param probes the initial probe count; undefined for a pause without probes.
 * @returns true when the task had no pause of this cause.
 */
export async function pauseTask(
  db: Db,
  pause: { task: string; cause: PauseCause; reason: string; until?: Date; probes?: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const { rowCount } = await tx.query(
      `insert into donations.task_pauses as p (task, cause, reason, until, probes, next_probe_at)
       values ($1, $2, $3, $4, coalesce($5, 0), case when $5::int is not null then ${nextProbe('$5')} end)
       on conflict (task, cause) do update set reason = excluded.reason, since = now(), until = excluded.until,
         probes = greatest(excluded.probes, ${PROBES_BEFORE}),
         next_probe_at = case when $5::int is not null
           then ${nextProbe(`greatest(excluded.probes, ${PROBES_BEFORE})`)} end
       where p.until <= now()`,
      [pause.task, pause.cause, pause.reason, pause.until ?? null, pause.probes ?? null],
    );
    await tellWorkers(tx, pause.task);
    return rowCount === 1;
  });
}

/**
 * Stops a task on every worker for as long as its provider asks. A longer rest that is in force
 * stays.
 */
export async function restTask(
  db: Db,
  { task, reason, forMs }: { task: string; reason: string; forMs: number },
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into donations.task_pauses as p (task, cause, reason, until)
       values ($1, 'rate_limited', $2, now() + make_interval(secs => $3::float8 / 1000))
       on conflict (task, cause) do update set reason = excluded.reason,
         since = case when p.until <= now() then now() else p.since end,
         until = greatest(p.until, excluded.until)`,
      [task, reason, forMs],
    );
    await tellWorkers(tx, task);
  });
}

/** Resumes a task after a successful probe, and notifies every worker. */
export async function resumeAfterProbe(db: Db, { task, cause }: Pause): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(
      `update donations.task_pauses set until = now(), next_probe_at = null
       where task = $1 and cause = $2 and ${IN_FORCE}`,
      [task, cause],
    );
    await tellWorkers(tx, task);
  });
}

/**
 * Resumes a task and notifies every worker. Without `cause`, ends its pauses of every cause.
 * @internal Exported for its tests.
 */
export function resumeTask(db: Db, task: string, cause?: PauseCause): Promise<Pause[]> {
  return db.transaction((tx) => endPauses(tx, task, cause));
}

/** @returns the pauses that were in force. */
async function endPauses(tx: Queryable, task: string, cause?: PauseCause): Promise<Pause[]> {
  const { rows } = await tx.query<Pause & { inForce: boolean }>(
    `delete from donations.task_pauses where task = $1 and ($2::text is null or cause = $2)
     returning ${COLUMNS}, ${IN_FORCE} as "inForce"`,
    [task, cause ?? null],
  );
  await tellWorkers(tx, task);
  return rows.flatMap(({ inForce, ...pause }) => (inForce ? pause : []));
}

/** As much as is kept of the reasons of a pause, the latest first. */
const MAX_REASONS = 2000;

/** A person's decision about a task. */
interface Decision {
  task: TaskName;
  operator: Actor;
  reason: string | undefined;
}

/**
 * Pauses a task because a person says so, and audits it. A pause by a person that is there already
 * gets the new end, and the new reason beside its own.
 *
 * @param forMs how long, in the time of the Postgres server; undefined until it is resumed.
 */
export async function pauseByOperator(
  db: Db,
  { task, operator, reason, forMs }: Decision & { forMs: number | undefined },
): Promise<{ pause: Pause; replaced: Pause | undefined }> {
  return db.transaction(async (tx) => {
    const { rows: before } = await tx.query<Pause>(
      `select ${COLUMNS} from donations.task_pauses
       where task = $1 and cause = 'operator' and ${IN_FORCE} for update`,
      [task],
    );
    const { rows } = await tx.query<Pause>(
      // Bounded, because Postgres cannot represent a time too far ahead.
      `insert into donations.task_pauses as p (task, cause, reason, until)
       values ($1, 'operator', $2, case when $3::float8 is not null
         then now() + make_interval(secs => least($3::float8 / 1000, 3e9)) end)
       on conflict (task, cause) do update set until = excluded.until,
         reason = case when p.until <= now() then excluded.reason
           else left(excluded.reason || '; before that ' || p.reason, ${MAX_REASONS}) end,
         since = case when p.until <= now() then now() else p.since end
       returning ${COLUMNS}`,
      [task, `${operator.actor}: ${reason ?? 'no reason given'}`, forMs ?? null],
    );
    const pause = rows[0] as Pause;
    await recordAudit(tx, {
      ...operator,
      action: 'jobs.pause',
      subject: task,
      reason,
      detail: { before: before.map(forAudit), after: [forAudit(pause)] },
    });
    await tellWorkers(tx, task);
    return { pause, replaced: before[0] };
  });
}

/**
 * Resumes a task for an operator, whatever the cause of its pauses, and audits it.
 * @returns the pauses that were in force. When there were none, nothing is audited.
 */
export async function resumeByOperator(
  db: Db,
  { task, operator, reason }: Decision,
): Promise<Pause[]> {
  return db.transaction(async (tx) => {
    const ended = await endPauses(tx, task);
    if (ended.length > 0) {
      await recordAudit(tx, {
        ...operator,
        action: 'jobs.resume',
        subject: task,
        reason,
        detail: { before: ended.map(forAudit), after: [] },
      });
    }
    return ended;
  });
}

const forAudit = ({ cause, reason, since, until }: Pause) => ({ cause, reason, since, until });

/** The bound when counting the jobs that a pause stops. */
export const STOPPED_BOUND = 10_000;

/** Counts the due jobs of a task (up to one more than the bound) and how many of them run. */
export async function countStopped(
  tx: Queryable,
  task: TaskName,
): Promise<{ due: number; running: number }> {
  const { rows } = await tx.query<{ due: number; running: number }>(
    `with t as materialized (select id from graphile_worker._private_tasks where identifier = $1)
     select
       (select count(*)::int from (
          select 1 from graphile_worker._private_jobs j
          where j.is_available = true and j.run_at <= now() and j.task_id = (select id from t)
          limit ${STOPPED_BOUND + 1}) w) as due,
       (select count(*)::int from graphile_worker._private_jobs j
        where j.locked_at is not null and j.task_id = (select id from t)) as running`,
    [task],
  );
  return rows[0] ?? { due: 0, running: 0 };
}

/**
 * Takes the probes that are due, so that only one worker calls the provider. The next probe is
 * scheduled at once: a worker that dies here costs one probe only.
 */
export async function takeDueProbes(db: Queryable): Promise<Pause[]> {
  const { rows } = await db.query<Pause>(
    `update donations.task_pauses set probes = probes + 1, next_probe_at = ${nextProbe('probes + 1')}
     where (task, cause) in (
       select task, cause from donations.task_pauses
       where next_probe_at <= now() and ${IN_FORCE} for update skip locked)
     returning ${COLUMNS}`,
  );
  return rows;
}

/** Deletes pauses that ended long ago. */
export async function forgetPauses(db: Queryable): Promise<void> {
  await db.query(`delete from donations.task_pauses where until < now() - interval '1 hour'`);
}
