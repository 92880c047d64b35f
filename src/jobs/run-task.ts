import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Task as GraphileTask, JobHelpers } from 'graphile-worker';
import type { Logger } from 'pino';
import { isPassing } from '../lib/db/connection-error.ts';
import type { AttemptRow } from '../lib/queue/run/attempt.ts';
import type { RowChange } from '../lib/queue/run/recorder.ts';
import { hasPendingVerdict } from '../lib/queue/run/verdicts.ts';
import type { TaskName } from '../lib/queue/tasks.ts';
import { inSpan, type Note } from '../lib/telemetry/telemetry.ts';
import { traceOf } from '../lib/trace.ts';
import { describe, framesOf } from './describe-error.ts';
import { judgeFailure, verdictRow } from './judge.ts';
import type { Run, TaskRunner } from './run.ts';
import { type Attempt, type Done, TakenOver, type Task } from './task.ts';

/** The delay of a job that was claimed although its task is paused. */
const PARK_MS = 2000;
/** A job whose turn comes within this time waits in its slot. */
const MAX_TURN_MS = 500;

/** Thrown to Graphile Worker so that it unlocks the job. The verdict is stored already. */
class Judged extends Error {
  override name = 'Judged';
}

/**
 * Wraps a task for Graphile Worker. All tasks share the handling of pauses, ledger, policy and log.
 * Graphile Worker learns the end of a job only after its record is durable.
 */
export function runTask(runner: TaskRunner, name: TaskName, task: Task): GraphileTask {
  const { underWay } = runner;
  const runOnce = attempts(runner, name, task);
  return async (payload: unknown, helpers: JobHelpers) => {
    const id = String(helpers.job.id);
    // After an outage of Postgres a job can be claimed again while the record of its previous
    // attempt is still being written.
    await underWay.get(id)?.catch(() => {});
    const attempt = runOnce(payload, helpers);
    underWay.set(id, attempt);
    try {
      await attempt;
    } finally {
      if (underWay.get(id) === attempt) underWay.delete(id);
    }
  };
}

function attempts(runner: TaskRunner, name: TaskName, task: Task) {
  return async (payload: unknown, { job }: JobHelpers): Promise<void> => {
    const place = await runner.slots.enter({ prepares: task.callsInSlot ?? false });
    const attempt: Attempt = {
      id: randomUUID(),
      jobId: String(job.id),
      lockedBy: job.locked_by,
      number: job.attempts,
      async mayBegin() {
        if (!(await runner.holds(job.locked_at))) throw new TakenOver();
      },
      async call(work) {
        if (!place) throw new TakenOver();
        return place.call(async () => {
          await attempt.mayBegin();
          return work();
        });
      },
    };
    try {
      // The job may have waited in the local queue until this worker's lease expired.
      if (!(await runner.holds(job.locked_at))) throw takenOver(runner.log, attempt, name);
      // A previous attempt may have a verdict that is not applied yet; then the job must not run.
      const wasBegun = job.attempts > 1 || job.last_error !== null;
      if (wasBegun && (await hasPendingVerdict(runner.db, attempt.jobId))) {
        runner.verdictGiven();
        throw new Judged(job.last_error ?? 'has a verdict already');
      }
      const about = { name, task, payload, attempt, dueAt: job.run_at };
      if (!place) await park(begin(runner, about), 'the worker stopped before the job started', 0);
      await whenItsTurn(runner, about);
      await runBegun(begin(runner, about));
    } finally {
      place?.leave();
    }
  };
}

/**
 * Waits for the turn of a throttled task for a moment; a job whose turn is later is rescheduled.
 */
async function whenItsTurn(runner: TaskRunner, about: Parameters<typeof begin>[1]): Promise<void> {
  const { name } = about;
  const { brake } = runner;
  if (brake.isPaused(name)) await park(begin(runner, about), `${name} is paused`, PARK_MS);
  const turnMs = brake.turnInMs(name, MAX_TURN_MS);
  if (turnMs > MAX_TURN_MS) await park(begin(runner, about), brake.reasonToWait(name), turnMs);
  if (turnMs > 0) await wait(turnMs);
}

async function runBegun(run: Run): Promise<void> {
  const { runner, name, attempt, donation, startedAt } = run;
  runner.onBegin();
  runner.running.set(attempt.jobId, {
    job: attempt.jobId,
    task: name,
    attempt: attempt.number,
    claim: attempt.id,
    donation,
    since: startedAt,
  });
  try {
    if (attempt.number > 1) await runner.announce();
    await performTraced(run);
  } catch (error) {
    if (error instanceof TakenOver) takenOver(run.log, attempt, name);
    else if (!(error instanceof Judged)) await recordRefused(run, error);
    throw error;
  } finally {
    runner.running.delete(attempt.jobId);
  }
}

/** Logs it. The worker that has the job now records its outcome. */
function takenOver(log: Logger, { jobId }: Attempt, name: TaskName): TakenOver {
  const error = new TakenOver();
  log.warn({ task: name, job: jobId }, `${name} not started: ${error.message}`);
  return error;
}

function begin(
  runner: TaskRunner,
  about: Pick<Run, 'name' | 'task' | 'payload' | 'attempt'> & { dueAt: Date },
): Run {
  const { name, attempt, payload, task, dueAt } = about;
  const donation = donationOf(payload);
  const startedAt = runner.clock.now();
  const began = performance.now();
  return {
    runner,
    name,
    task,
    payload,
    attempt,
    donation,
    startedAt: startedAt.toISOString(),
    log: runner.log.child({ task: name, job: attempt.jobId, attempt: attempt.number, donation }),
    row: (outcome, rest) => ({
      job_id: attempt.jobId,
      task: name,
      attempt: attempt.number,
      claim: attempt.id,
      donation_id: donation,
      worker_id: runner.workerId,
      started_at: startedAt.toISOString(),
      latency_ms: startedAt.getTime() - new Date(dueAt).getTime(),
      duration_ms: performance.now() - began,
      outcome,
      error_class: null,
      error_code: null,
      error_message: null,
      fingerprint: null,
      http_status: null,
      request_id: null,
      next_in_ms: null,
      ...rest,
    }),
  };
}

/** Runs the attempt in a span, a part of the trace of whatever added the job. */
function performTraced(run: Run): Promise<void> {
  const { runner, name, attempt, donation, payload } = run;
  const attributes = {
    'donations.task': name,
    'donations.job': attempt.jobId,
    'donations.attempt': attempt.number,
    'donations.donation': donation,
    'donations.worker': runner.workerId,
  };
  return inSpan(
    runner.telemetry,
    `job ${name}`,
    { kind: 'consumer', attributes, parent: traceOf(payload) },
    (note) => perform(run, note),
  );
}

/** The result of an attempt for its span, without the error's text. */
const resultOf = (entry: AttemptRow) => ({
  'donations.outcome': entry.outcome,
  'donations.waited_ms': entry.latency_ms,
  'donations.error_code': entry.error_code,
  'error.type': entry.error_class,
});

/** Runs the attempt. Throws `Judged` when it failed and the verdict is stored. */
async function perform(run: Run, note: Note): Promise<void> {
  const { runner, name, task, attempt, log } = run;
  let done: Done;
  try {
    const payload = task.payload.parse(run.payload);
    const work = () => task.run(payload, attempt);
    done = await (task.callsInSlot ? work() : attempt.call(work));
  } catch (error) {
    if (error instanceof TakenOver) throw error;
    // No provider call was made. If the lease was lost, the worker that has the job now records it.
    if (isPassing(error)) await attempt.mayBegin();
    const { reason, missed, entry } = await judgeFailure(run, error);
    note(resultOf(entry));
    if (await isOver(run, missed)) return;
    throw new Judged(reason);
  }
  const entry = run.row(done.outcome, {
    http_status: done.httpStatus ?? null,
    request_id: done.requestId ?? null,
  });
  note(resultOf(entry));
  const missed = await runner.record({
    jobId: attempt.jobId,
    attempt: entry,
    verdict: undefined,
    changes: done.changes ?? [],
  });
  await isOver(run, missed);
  runner.brake.succeeded(name);
  log.info(
    { outcome: done.outcome, ms: Math.round(entry.duration_ms), request: done.requestId },
    `${name} ${done.outcome}`,
  );
}

/**
 * Lets the task handle changes that changed no row, and logs it.
 * @returns whether the job has nothing left to do.
 */
async function isOver(run: Run, missed: RowChange[]): Promise<boolean> {
  if (missed.length === 0) return false;
  const { name, task, attempt, log } = run;
  const payload = task.payload.safeParse(run.payload);
  const handled =
    payload.success && task.onMissed
      ? await task.onMissed(payload.data, attempt, missed)
      : { what: 'there was no row to change', over: false };
  log.error({ over: handled.over }, `${name} was overtaken: ${handled.what}`);
  return handled.over;
}

/** Reschedules a job that must not run now. It does not count as an attempt. */
async function park(run: Run, reason: string, delayMs: number): Promise<never> {
  const { runner, attempt } = run;
  await runner.record({
    jobId: attempt.jobId,
    attempt: undefined,
    verdict: verdictRow(run, {
      decision: 'retry',
      delay_ms: delayMs,
      attempts: Math.max(0, attempt.number - 1),
      error_class: 'paused',
      error_code: null,
      message: reason,
    }),
    changes: [],
  });
  runner.verdictGiven();
  throw new Judged(reason);
}

/**
 * The database refused the record of an attempt, although no content should make it do so. A job
 * that may have taken effect is held with a minimal record. If that is refused too, only the log
 * has it, and the next attempt finds the claim of this one.
 */
async function recordRefused(run: Run, error: unknown): Promise<void> {
  const { runner, name, task, attempt, log } = run;
  const refusal = describe(error).message;
  log.error({ at: framesOf(error) }, `the record of ${name} was refused: ${refusal}`);
  const payload = task.payload.safeParse(run.payload);
  const reason = `it was run, and the database refused its record: ${refusal}`;
  const changes = payload.success ? task.onUnrecorded?.(payload.data, attempt, reason) : undefined;
  // Graphile Worker retries a task that is safe to repeat.
  if (!changes) return;
  const told = {
    error_class: 'internal',
    error_code: 'not_recorded',
  };
  try {
    const verdict = verdictRow(run, {
      ...told,
      decision: 'hold',
      delay_ms: null,
      attempts: null,
      message: reason,
    });
    await runner.record({
      jobId: attempt.jobId,
      attempt: run.row('held', {
        ...told,
        error_message: reason,
        fingerprint: verdict.fingerprint,
      }),
      verdict,
      changes,
    });
    runner.verdictGiven();
    log.error(`${name} held: ${reason}`);
  } catch (again) {
    log.error({ at: framesOf(again) }, `${name} could not be held either`);
  }
}

/** The donation in a payload of any task. */
function donationOf(payload: unknown): string | null {
  const id = (payload as { donation_id?: unknown } | null)?.donation_id;
  return typeof id === 'string' ? id : null;
}
