import { isConnectionError } from '../lib/db/connection-error.ts';
import { fingerprint } from '../lib/queue/fingerprint.ts';
import { decide, type Verdict } from '../lib/queue/policy.ts';
import type { AttemptOutcome, VerdictRow } from '../lib/queue/run/recorder.ts';
import { describe } from './describe-error.ts';
import type { Run } from './run.ts';

/** Decides what follows from a failure, and writes it down together with everything it changes. */
export async function judge(
  { runner, name, task, payload: rawPayload, attempt, donation, log, row }: Run,
  error: unknown,
): Promise<void> {
  const failure = describe(error);
  const circuitOpen = failure.providerDown
    ? await ifDatabase(() => runner.brake.providerDown(name, failure.message), false)
    : runner.brake.isPaused(name);
  if (failure.httpStatus && !failure.providerDown) runner.brake.answered(name);
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
  const print = fingerprint(failure.errorClass, failure.message);
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
    donation_id: donation,
    decision: verdict.decision,
    attempt: attempt.number,
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

/** Pausing needs Postgres; when it is away too, the attempt is judged without. */
async function ifDatabase<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isConnectionError(error)) return otherwise;
    throw error;
  }
}
