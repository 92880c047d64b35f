import type { Queryable } from '../../db/database.ts';
import { notFound } from '../../errors.ts';
import { parseFilter } from '../../filter/parse.ts';
import { maskText } from '../../mask.ts';
import { listPauses, type Pause } from '../run/pauses.ts';
import { type ListedJob, listJobs } from './list.ts';

/** One attempt, as the ledger has it. */
export interface LedgerAttempt {
  attempt: number;
  started_at: Date;
  latency_ms: number;
  duration_ms: number;
  outcome: string;
  worker: string | null;
  error_class: string | null;
  error_code: string | null;
  error: string | null;
  http_status: number | null;
  request_id: string | null;
  next_run_at: Date | null;
}

/** Who took a job out of the queue, and when. */
export interface Tombstone {
  operation: string;
  discarded_at: Date;
  actor: string | null;
  reason: string | null;
  restored_as: string | null;
}

/** Everything that is known of one job. */
export interface JobDetail {
  id: string;
  task: string;
  /** `done` and `gone` are of jobs that are not in the queue any more. */
  state: ListedJob['state'] | 'done' | 'discarded' | 'gone';
  /** As it is in the queue. */
  job: ListedJob | undefined;
  /** Masked. */
  payload: unknown;
  key: string | null;
  priority: number | null;
  donation: string | null;
  attempts: LedgerAttempt[];
  discarded: Tombstone | undefined;
  pause: Pause | undefined;
  /** Of a running job: the worker that has it, if it is one of ours. */
  worker: { id: string; host: string; pid: number; seen_at: Date } | undefined;
}

/**
 * Tells all of one job: from the queue, from the ledger when it came through, from its tombstone
 * when somebody discarded it.
 *
 * @throws UserError `not_found`.
 */
export async function describeJob(tx: Queryable, id: string): Promise<JobDetail> {
  const [job] = (await listJobs(tx, parseFilter(`job:${id}`), { limit: 1 })).jobs;
  const attempts = await attemptsOf(tx, id);
  const tomb = await tombstone(tx, id);
  const raw = job ? await inQueue(tx, id) : undefined;
  const last = attempts.at(-1);
  const task = job?.task ?? tomb?.task ?? last?.task;
  if (task === undefined) {
    throw notFound(
      `no job ${id}`,
      'It is not in the queue, and the ledger does not know it (any more). See: donations jobs list',
    );
  }
  const pauses = await listPauses(tx);
  return {
    id,
    task,
    state: job?.state ?? (tomb && !tomb.restored_as ? 'discarded' : stateAfter(last?.outcome)),
    job,
    payload: maskPayload(raw?.payload ?? tomb?.payload),
    key: raw?.key ?? null,
    priority: raw?.priority ?? null,
    donation: job?.donation ?? last?.donation ?? null,
    attempts,
    discarded: tomb,
    pause: pauses.find((pause) => pause.task === task),
    worker: job?.locked_by ? await workerOf(tx, job.locked_by) : undefined,
  };
}

const stateAfter = (outcome: string | undefined) =>
  outcome === 'succeeded' || outcome === 'declined' ? 'done' : 'gone';

async function attemptsOf(tx: Queryable, id: string) {
  const { rows } = await tx.query<LedgerAttempt & { task: string; donation: string | null }>(
    `select task, donation_id as donation, attempt::int, started_at, latency_ms, duration_ms, outcome,
       worker_id as worker, error_class, error_code, error_message as error, http_status::int,
       request_id, next_run_at
     from donations.job_attempts where job_id = $1 order by started_at, id`,
    [id],
  );
  return rows;
}

async function inQueue(tx: Queryable, id: string) {
  const { rows } = await tx.query<{ payload: unknown; key: string | null; priority: number }>(
    'select payload, key, priority::int from graphile_worker._private_jobs where id = $1',
    [id],
  );
  return rows[0];
}

async function tombstone(tx: Queryable, id: string) {
  const { rows } = await tx.query<Tombstone & { task: string; payload: unknown }>(
    `select d.task, d.payload, d.operation, d.discarded_at, a.actor, a.reason, d.restored_as::text
     from donations.discarded_jobs d left join donations.audit_log a on a.id = d.operation
     where d.job_id = $1`,
    [id],
  );
  return rows[0];
}

async function workerOf(tx: Queryable, poolId: string) {
  const { rows } = await tx.query<{ id: string; host: string; pid: number; seen_at: Date }>(
    'select id, host, pid, seen_at from donations.workers where pool_id = $1',
    [poolId],
  );
  return rows[0];
}

/** A payload as it may be shown: no addresses, keys or card numbers. */
export function maskPayload(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(maskPayload);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, maskPayload(inner)]),
  );
}
