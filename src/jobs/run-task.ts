import { randomUUID } from 'node:crypto';
import type { Task as GraphileTask, JobHelpers } from 'graphile-worker';
import type { Logger } from 'pino';
import { ZodError } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { isConnectionError } from '../lib/db/connection-error.ts';
import type { Db } from '../lib/db/database.ts';
import { UserError } from '../lib/errors.ts';
import { maskText } from '../lib/mask.ts';
import { ProviderError } from '../lib/providers/errors.ts';
import type { Brake } from '../lib/queue/brake.ts';
import { fingerprint } from '../lib/queue/fingerprint.ts';
import type { AttemptOutcome, AttemptRow, Entry, VerdictRow } from '../lib/queue/record.ts';
import type { TaskName } from '../lib/queue/tasks.ts';
import { hasPendingVerdict } from '../lib/queue/verdicts.ts';
import type { RunningJob } from '../lib/queue/workers.ts';
import { decide, type Failure, type Situation, type Verdict } from './policy.ts';
import type { Attempt, Done, Task } from './task.ts';

/** What every task is run with. */
export interface TaskRunner {
  db: Db;
  clock: Clock;
  log: Logger;
  workerId: string;
  brake: Brake;
  record: (entry: Entry) => Promise<void>;
  /** Called when a verdict waits to be carried over. */
  verdictGiven: () => void;
  /** What runs now, by job id; told in the heartbeat. */
  running: Map<string, RunningJob>;
  onBegin: () => void;
  whenUnknown: Situation['whenUnknown'];
  random: () => number;
}

/** A failure as the ledger keeps it: no stack, no secrets, no addresses. */
interface Described extends Failure {
  message: string;
  code: string | undefined;
  httpStatus: number | undefined;
  requestId: string | undefined;
}

/** How long a job waits that was claimed although its task is paused. */
const PARK_MS = 2000;

/** Thrown at Graphile Worker so that it lets the job go; the verdict is on record already. */
class Judged extends Error {
  override name = 'Judged';
}

/**
 * Makes a task into what Graphile Worker runs. Done once for all tasks: the pause, the ledger, the
 * policy, the log. Graphile Worker hears the end of a job only after the record of it is durable.
 */
export function runTask(runner: TaskRunner, name: TaskName, task: Task): GraphileTask {
  return async (rawPayload: unknown, { job }: JobHelpers) => {
    const { brake, clock, running } = runner;
    const startedAt = clock.now();
    const attempt: Attempt = { id: randomUUID(), jobId: String(job.id), number: job.attempts };
    const donation = donationOf(rawPayload);
    const log = runner.log.child({
      task: name,
      job: attempt.jobId,
      attempt: attempt.number,
      donation,
    });

    // An attempt that was judged and let go before the verdict was carried over must not run again.
    if (job.attempts > 1 && (await hasPendingVerdict(runner.db, attempt.jobId))) {
      runner.verdictGiven();
      throw new Judged(job.last_error ?? 'judged before');
    }
    if (brake.isPaused(name)) {
      await park(runner, name, attempt, donation);
      throw new Judged(`${name} is paused`);
    }

    runner.onBegin();
    running.set(attempt.jobId, {
      job: attempt.jobId,
      task: name,
      attempt: attempt.number,
      donation,
      since: startedAt.toISOString(),
    });
    const row = (outcome: AttemptOutcome, rest: Partial<AttemptRow>): AttemptRow => ({
      job_id: attempt.jobId,
      task: name,
      attempt: attempt.number,
      donation_id: donation,
      worker_id: runner.workerId,
      started_at: startedAt.toISOString(),
      latency_ms: Math.max(0, startedAt.getTime() - job.run_at.getTime()),
      duration_ms: clock.now().getTime() - startedAt.getTime(),
      outcome,
      error_class: null,
      error_code: null,
      error_message: null,
      fingerprint: null,
      http_status: null,
      request_id: null,
      next_run_at: null,
      ...rest,
    });
    try {
      let done: Done;
      try {
        done = await task.run(task.payload.parse(rawPayload), attempt);
      } catch (error) {
        await judge(runner, name, task, rawPayload, attempt, error, row, log);
        throw new Judged(describe(error).message);
      }
      const entry = row(done.outcome, {
        http_status: done.httpStatus ?? null,
        request_id: done.requestId ?? null,
      });
      await runner.record({
        jobId: attempt.jobId,
        attempt: entry,
        verdict: undefined,
        changes: done.changes ?? [],
      });
      brake.succeeded(name);
      log.info(
        { outcome: done.outcome, ms: entry.duration_ms, request: done.requestId },
        `${name} ${done.outcome}`,
      );
    } finally {
      running.delete(attempt.jobId);
    }
  };
}

/** Decides what follows from a failure, and writes it down together with everything it changes. */
async function judge(
  runner: TaskRunner,
  name: TaskName,
  task: Task,
  rawPayload: unknown,
  attempt: Attempt,
  error: unknown,
  row: (outcome: AttemptOutcome, rest: Partial<AttemptRow>) => AttemptRow,
  log: Logger,
): Promise<void> {
  const failure = describe(error);
  const circuitOpen = failure.providerDown
    ? await ifDatabase(() => runner.brake.providerDown(name, failure.message), false)
    : runner.brake.isPaused(name);
  const verdict = decide(name, failure, {
    attempt: attempt.number,
    circuitOpen,
    random: runner.random(),
    whenUnknown: runner.whenUnknown,
  });
  if (verdict.decision === 'retry' && verdict.pause) {
    await ifDatabase(() => runner.brake.misconfigured(name, failure.message), undefined);
  }

  const payload = task.payload.safeParse(rawPayload);
  const changes = payload.success
    ? (task.onFailure?.(payload.data, attempt, failure, verdict) ?? [])
    : [];
  const print = fingerprint(name, failure.errorClass, failure.message);
  const nextRunAt =
    verdict.decision === 'retry'
      ? new Date(runner.clock.now().getTime() + verdict.delayMs).toISOString()
      : null;
  const entry = row(outcomeOf(verdict), {
    error_class: failure.errorClass,
    error_code: failure.code ?? null,
    error_message: failure.message,
    fingerprint: print,
    http_status: failure.httpStatus ?? null,
    request_id: failure.requestId ?? null,
    next_run_at: nextRunAt,
  });
  const verdictRow: VerdictRow = {
    job_id: attempt.jobId,
    task: name,
    donation_id: donationOf(rawPayload),
    decision: verdict.decision,
    run_at: nextRunAt,
    attempts:
      verdict.decision === 'retry' && !verdict.counts ? Math.max(0, attempt.number - 1) : null,
    error_class: failure.errorClass,
    error_code: failure.code ?? null,
    message: failure.message,
    fingerprint: print,
  };
  await runner.record({ jobId: attempt.jobId, attempt: entry, verdict: verdictRow, changes });
  runner.verdictGiven();

  const details = {
    outcome: entry.outcome,
    ms: entry.duration_ms,
    class: failure.errorClass,
    code: failure.code,
    status: failure.httpStatus,
    request: failure.requestId,
    next: nextRunAt ?? undefined,
    // Only a bug shows where it happened; a provider's error may carry what it was sent.
    stack: failure.errorClass === 'internal' && error instanceof Error ? error.stack : undefined,
  };
  log[verdict.decision === 'retry' ? 'warn' : 'error'](
    details,
    `${name} ${entry.outcome}: ${failure.message}`,
  );
}

/** Puts a job of a paused task back, without an attempt. */
async function park(
  runner: TaskRunner,
  name: TaskName,
  attempt: Attempt,
  donation: string | null,
): Promise<void> {
  const reason = `${name} is paused`;
  await runner.record({
    jobId: attempt.jobId,
    attempt: undefined,
    verdict: {
      job_id: attempt.jobId,
      task: name,
      donation_id: donation,
      decision: 'retry',
      run_at: new Date(runner.clock.now().getTime() + PARK_MS).toISOString(),
      attempts: Math.max(0, attempt.number - 1),
      error_class: 'paused',
      error_code: null,
      message: reason,
      fingerprint: fingerprint(name, 'paused', reason),
    },
    changes: [],
  });
  runner.verdictGiven();
}

function outcomeOf(verdict: Verdict): AttemptOutcome {
  switch (verdict.decision) {
    case 'fail':
      return 'failed';
    case 'hold':
      return 'held';
    case 'retry':
      return verdict.counts ? 'retry' : 'parked';
  }
}

function describe(error: unknown): Described {
  if (error instanceof ProviderError) {
    return {
      errorClass: error.errorClass,
      retryAfterMs: error.retryAfterMs,
      providerDown: error.providerDown,
      message: maskText(error.message),
      code: error.code,
      httpStatus: error.httpStatus,
      requestId: error.requestId,
    };
  }
  const nothing = { httpStatus: undefined, requestId: undefined };
  if (isConnectionError(error)) {
    return { ...nothing, errorClass: 'database', code: undefined, message: 'Postgres went away' };
  }
  if (error instanceof ZodError) {
    const where = error.issues
      .map((issue) => `${issue.path.join('.')}: ${issue.message}`)
      .join('; ');
    return {
      ...nothing,
      errorClass: 'permanent',
      code: 'invalid_payload',
      message: `invalid payload: ${where}`,
    };
  }
  if (error instanceof UserError) {
    return {
      ...nothing,
      errorClass: 'permanent',
      code: error.code,
      message: maskText(error.message),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    ...nothing,
    errorClass: 'internal',
    code: undefined,
    message: maskText(message) || 'unknown error',
  };
}

/** The donation that a payload is about, whatever task it is of. */
function donationOf(payload: unknown): string | null {
  const id = (payload as { donation_id?: unknown } | null)?.donation_id;
  return typeof id === 'string' ? id : null;
}

/** Pausing needs Postgres; when it is away too, the attempt is judged without. */
async function ifDatabase<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isConnectionError(error)) return otherwise;
    throw error;
  }
}
