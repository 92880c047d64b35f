import { isPassing } from '../lib/db/connection-error.ts';
import type { Db } from '../lib/db/database.ts';
import { fingerprint } from '../lib/queue/fingerprint.ts';
import { decide, type FailureClass, type Verdict } from '../lib/queue/policy.ts';
import type { AttemptOutcome, AttemptRow, VerdictRow } from '../lib/queue/run/attempt.ts';
import type { RowChange } from '../lib/queue/run/recorder.ts';
import { describe, framesOf } from './describe-error.ts';
import type { Run } from './run.ts';
import type { Attempt } from './task.ts';

/**
 * Applies the policy to a failure, and stores the verdict together with all its consequences.
 * @returns the reason, for Graphile Worker's own record of the job, the changes that changed no
 *   row, and the ledger row.
 */
export async function judgeFailure(
  run: Run,
  error: unknown,
): Promise<{ reason: string; missed: RowChange[]; entry: AttemptRow }> {
  const { runner, name, task, payload: rawPayload, attempt, log, row } = run;
  const failure = describe(error);
  const circuitOpen = failure.providerDown
    ? await ifDatabase(() => runner.brake.providerDown(name, failure.message), false)
    : runner.brake.isPaused(name);
  if (failure.httpStatus && !failure.providerDown) runner.brake.answered(name);
  const verdict = decide(name, failure, {
    attempt: attempt.number,
    circuitOpen,
    random: runner.random(),
    ...runner.resending,
    unknownBefore:
      failure.errorClass === 'unknown_outcome' && runner.resending.whenUnknown === 'resend'
        ? await countLike(runner.db, attempt, 'unknown_outcome', Number.POSITIVE_INFINITY)
        : 0,
  });
  let reason = failure.message;
  if (verdict.decision === 'retry' && verdict.pause === 'misconfigured') {
    await ifDatabase(() => runner.brake.misconfigured(name, reason), undefined);
  }
  if (verdict.decision === 'retry' && verdict.pause === 'rate_limited') {
    await ifDatabase(() => runner.brake.toldToWait(name, verdict.delayMs, reason), undefined);
    const told = 1 + (await countLike(runner.db, attempt, 'rate_limited', 0));
    if (told > 1) reason = `${reason}, ${told} times so far`;
  }

  const payload = task.payload.safeParse(rawPayload);
  const changes = payload.success
    ? (task.onFailure?.(payload.data, attempt, failure, verdict) ?? [])
    : [];
  const delayMs = verdict.decision === 'retry' ? verdict.delayMs : null;
  const entry = row(outcomeOf(verdict), {
    error_class: failure.errorClass,
    error_code: failure.code ?? null,
    error_message: failure.message,
    fingerprint: fingerprint(failure.errorClass, failure.message),
    http_status: failure.httpStatus ?? null,
    request_id: failure.requestId ?? null,
    next_in_ms: delayMs,
  });
  const missed = await runner.record({
    jobId: attempt.jobId,
    attempt: entry,
    verdict: verdictRow(run, {
      decision: verdict.decision,
      delay_ms: delayMs,
      attempts:
        verdict.decision === 'retry' && !verdict.counts ? Math.max(0, attempt.number - 1) : null,
      error_class: failure.errorClass,
      error_code: failure.code ?? null,
      message: reason,
    }),
    changes,
  });
  runner.verdictGiven();

  const details = {
    outcome: entry.outcome,
    ms: Math.round(entry.duration_ms),
    class: failure.errorClass,
    code: failure.code,
    status: failure.httpStatus,
    request: failure.requestId,
    next_in_ms: delayMs ?? undefined,
    // The stack is logged for bugs only; a provider's error may contain the request.
    at: failure.errorClass === 'internal' ? framesOf(error) : undefined,
  };
  log[verdict.decision === 'retry' ? 'warn' : 'error'](
    details,
    `${name} ${entry.outcome}: ${reason}`,
  );
  return { reason, missed, entry };
}

/** The verdict on this run's job. */
export function verdictRow(
  { name, attempt, donation }: Pick<Run, 'name' | 'attempt' | 'donation'>,
  rest: Pick<
    VerdictRow,
    'decision' | 'delay_ms' | 'attempts' | 'error_class' | 'error_code' | 'message'
  >,
): VerdictRow {
  return {
    job_id: attempt.jobId,
    task: name,
    donation_id: donation,
    attempt: attempt.number,
    locked_by: attempt.lockedBy,
    fingerprint: fingerprint(rest.error_class, rest.message),
    ...rest,
  };
}

/**
 * Counts earlier attempts of a job with the same kind of failure.
 * @param otherwise the count to assume while Postgres is unavailable.
 */
function countLike(
  db: Db,
  { jobId, id }: Attempt,
  errorClass: FailureClass,
  otherwise: number,
): Promise<number> {
  return ifDatabase(async () => {
    const { rows } = await db.query<{ count: number }>(
      `select count(*)::int as count from donations.job_attempts
       where job_id = $1 and error_class = $2 and claim <> $3`,
      [jobId, errorClass, id],
    );
    return rows[0]?.count ?? otherwise;
  }, otherwise);
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

/** Pausing needs Postgres. While it is unavailable, the verdict is made without a pause. */
async function ifDatabase<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isPassing(error)) return otherwise;
    throw error;
  }
}
