import type { Queryable } from '../../db/database.ts';
import { notFound } from '../../errors.ts';
import { maskText } from '../../mask.ts';
import { listPauses, type Pause } from '../run/pauses.ts';
import { type ListedJob, listJobs } from './list.ts';
import { settledCharge } from './settled-charges.ts';
import { parseJobFilter } from './vocabulary.ts';

/** One attempt in the ledger. */
export interface LedgerAttempt {
  attempt: number;
  startedAt: Date;
  latencyMs: number;
  durationMs: number;
  outcome: string;
  worker: string | null;
  errorClass: string | null;
  errorCode: string | null;
  error: string | null;
  httpStatus: number | null;
  requestId: string | null;
  nextRunAt: Date | null;
}

/** Who discarded a job, and when. */
export interface Tombstone {
  operation: string;
  discardedAt: Date;
  actor: string | null;
  reason: string | null;
  restoredAs: string | null;
}

/** All facts about one job. */
export interface JobDetail {
  id: string;
  task: string;
  /** `done`, `discarded` and `gone` are states of jobs that have left the queue. */
  state: ListedJob['state'] | 'done' | 'discarded' | 'gone';
  /** The job, if it is still in the queue. */
  job: ListedJob | undefined;
  /** Masked. */
  payload: unknown;
  key: string | null;
  priority: number | null;
  donation: string | null;
  attempts: LedgerAttempt[];
  discarded: Tombstone | undefined;
  pause: Pause | undefined;
  /** The worker that runs the job, if it is one of ours. */
  worker: { id: string; host: string; pid: number; seenAt: Date } | undefined;
  /**
   * Whether the donation that this job charges is settled already; then running it again changes
   * nothing.
   */
  settled: 'charged' | 'failed' | undefined;
}

/**
 * Describes one job from the queue, from the ledger if it succeeded, or from the copy that is kept
 * of a discarded job.
 *
 * @throws UserError `not_found`.
 */
export async function describeJob(tx: Queryable, id: string): Promise<JobDetail> {
  const [job] = (await listJobs(tx, parseJobFilter(`job:${id}`), { limit: 1 })).jobs;
  const attempts = await attemptsOf(tx, id);
  const tomb = await tombstone(tx, id);
  const raw = job ? await inQueue(tx, id) : undefined;
  const last = attempts.at(-1);
  const task = job?.task ?? tomb?.task ?? last?.task;
  if (task === undefined) {
    throw notFound(
      `no job ${id}`,
      'It is neither in the queue nor in the ledger; old attempts are deleted. List the jobs: donations jobs list',
    );
  }
  const pauses = await listPauses(tx);
  return {
    id,
    task,
    state: job?.state ?? (tomb && !tomb.restoredAs ? 'discarded' : stateAfter(last?.outcome)),
    job,
    payload: maskPayload(raw?.payload ?? tomb?.payload),
    key: raw?.key ?? null,
    priority: raw?.priority ?? null,
    donation: job?.donation ?? last?.donation ?? null,
    attempts,
    discarded: tomb,
    pause: pauses.find((pause) => pause.task === task),
    worker: job?.lockedBy ? await workerOf(tx, job.lockedBy) : undefined,
    settled: job ? await settledCharge(tx, job) : undefined,
  };
}

const stateAfter = (outcome: string | undefined) =>
  outcome === 'succeeded' || outcome === 'declined' ? 'done' : 'gone';

async function attemptsOf(tx: Queryable, id: string) {
  const { rows } = await tx.query<LedgerAttempt & { task: string; donation: string | null }>(
    `select task, donation_id as donation, attempt::int, started_at as "startedAt",
       latency_ms as "latencyMs", duration_ms as "durationMs", outcome, worker_id as worker,
       error_class as "errorClass", error_code as "errorCode", error_message as error,
       http_status::int as "httpStatus", request_id as "requestId", next_run_at as "nextRunAt"
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
    `select d.task, d.payload, d.operation, d.discarded_at as "discardedAt", a.actor, a.reason,
       d.restored_as::text as "restoredAs"
     from donations.discarded_jobs d left join donations.audit_log a on a.id = d.operation
     where d.job_id = $1`,
    [id],
  );
  return rows[0];
}

async function workerOf(tx: Queryable, poolId: string) {
  const { rows } = await tx.query<{ id: string; host: string; pid: number; seenAt: Date }>(
    'select id, host, pid, seen_at as "seenAt" from donations.workers where pool_id = $1',
    [poolId],
  );
  return rows[0];
}

/** Masks e-mail addresses, keys and card numbers in a payload. */
function maskPayload(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(maskPayload);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, maskPayload(inner)]),
  );
}
