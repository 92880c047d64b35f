import { randomUUID } from 'node:crypto';
import type { Task as GraphileTask, JobHelpers } from 'graphile-worker';
import { fingerprint } from '../lib/queue/fingerprint.ts';
import type { AttemptOutcome, AttemptRow } from '../lib/queue/run/recorder.ts';
import { hasPendingVerdict } from '../lib/queue/run/verdicts.ts';
import type { TaskName } from '../lib/queue/tasks.ts';
import { describe } from './describe-error.ts';
import { judge } from './judge.ts';
import type { TaskRunner } from './run.ts';
import type { Attempt, Done, Task } from './task.ts';

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
        await judge(
          { runner, name, task, payload: rawPayload, attempt, donation, log, row },
          error,
        );
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
      brake.answered(name);
      log.info(
        { outcome: done.outcome, ms: entry.duration_ms, request: done.requestId },
        `${name} ${done.outcome}`,
      );
    } catch (error) {
      // The database refused the record: Graphile Worker's own backoff, and whoever reads the log.
      if (!(error instanceof Judged)) log.error({ stack: (error as Error).stack }, 'not recorded');
      throw error;
    } finally {
      running.delete(attempt.jobId);
    }
  };
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
      attempt: attempt.number,
      run_at: new Date(runner.clock.now().getTime() + PARK_MS).toISOString(),
      attempts: Math.max(0, attempt.number - 1),
      error_class: 'paused',
      error_code: null,
      message: reason,
      fingerprint: fingerprint('paused', reason),
    },
    changes: [],
  });
  runner.verdictGiven();
}

/** The donation that a payload is about, whatever task it is of. */
function donationOf(payload: unknown): string | null {
  const id = (payload as { donation_id?: unknown } | null)?.donation_id;
  return typeof id === 'string' ? id : null;
}
