import type { ErrorClass } from '../providers/errors.ts';
import { TASKS, type TaskName } from './tasks.ts';

/** A provider's failure, or one of ours: `internal` is a bug, `database` Postgres going away. */
export type FailureClass = ErrorClass | 'internal' | 'database';

/** What the table says of one class of failure. Times in milliseconds. */
export type Rule =
  /** Again after a random time up to `baseMs` doubled for each attempt, at most `capMs`; at most `limit` attempts. */
  | { do: 'retry'; baseMs: number; capMs: number; limit: number }
  /** Again after `defaultMs`; the attempt does not count. */
  | { do: 'wait'; defaultMs: number }
  /** Again when the provider said, or after `defaultMs`, and until then no job of the task; the attempt does not count. */
  | { do: 'slow'; defaultMs: number }
  /** Stop every job of the task and ask the provider now and then; the attempt does not count. */
  | { do: 'pause' }
  /** No more attempts. */
  | { do: 'fail' }
  /** No more attempts until evidence or a person says what happened. */
  | { do: 'hold' };

const SECOND = 1000;
const HOUR = 3600 * SECOND;
/** What a provider asks for is heeded within these limits. */
const LEAST_WAIT_MS = SECOND;
const LONGEST_WAIT_MS = HOUR;

const retry = (task: TaskName, limit = TASKS[task].maxAttempts): Rule => ({
  do: 'retry',
  baseMs: 2 * SECOND,
  capMs: HOUR,
  limit,
});

const forTask = (task: TaskName): Record<FailureClass, Rule> => ({
  transient: retry(task),
  rate_limited: { do: 'slow', defaultMs: 5 * SECOND },
  permanent: { do: 'fail' },
  unknown_outcome: { do: 'hold' },
  misconfigured: { do: 'pause' },
  database: { do: 'wait', defaultMs: SECOND },
  internal: retry(task, 5),
});

/** The retry table: what follows from each class of failure, for each task. */
export const POLICY: Record<TaskName, Record<FailureClass, Rule>> = {
  charge_card: forTask('charge_card'),
  settle_donation: forTask('settle_donation'),
  tokenize_card: forTask('tokenize_card'),
  send_receipt: forTask('send_receipt'),
};

/** Provider failures in a row, on one worker, after which the task is paused for all of them. */
export const CIRCUIT_THRESHOLD = 5;

/** A declined card is an answer, not a failure: the job is done and the donation has failed. */
export const FAILURE_CLASSES: Record<FailureClass, string> = {
  transient:
    'not done, or safe to repeat: refused, DNS, 5xx, connection lost under an idempotency key',
  rate_limited: 'told to slow down (429)',
  permanent: 'will never work: bad request, invalid address, missing resource',
  unknown_outcome: 'may have been done, and repeating could do it twice',
  misconfigured: 'our key or account is refused (401, 403)',
  database: 'Postgres went away',
  internal: 'a bug of ours',
};

export interface Failure {
  errorClass: FailureClass;
  /** Milliseconds the provider asked us to wait. */
  retryAfterMs?: number | undefined;
  providerDown?: boolean;
}

export interface Situation {
  /** Attempts so far, this one included. */
  attempt: number;
  /** The provider has failed so often that its task is paused. */
  circuitOpen: boolean;
  /** 0 ≤ random < 1. */
  random: number;
  /** Whether the operator wants mails of unknown outcome sent again (`receipts.whenUnknown`). */
  whenUnknown: 'hold' | 'resend';
  /** How often a mail of unknown outcome is sent again at most (`receipts.resendLimit`). */
  resendLimit: number;
  /** Attempts of this job before this one whose outcome is unknown. */
  unknownBefore: number;
}

/** What to do about one failed attempt. Delays in milliseconds from now. */
export type Verdict =
  | {
      decision: 'retry';
      delayMs: number;
      /** Whether the attempt is one of the job's limited number. */
      counts: boolean;
      /** Why every job of the task has to wait: until its provider is well, or for the delay. */
      pause: 'misconfigured' | 'rate_limited' | undefined;
    }
  | { decision: 'fail' }
  | { decision: 'hold' };

/** Applies the table. Pure: the same failure in the same situation has the same verdict. */
export function decide(task: TaskName, failure: Failure, situation: Situation): Verdict {
  const rule = POLICY[task][failure.errorClass];
  switch (rule.do) {
    case 'fail':
      return { decision: 'fail' };
    case 'hold':
      return mayResend(task, failure, situation)
        ? again(backoffMs(POLICY[task].transient, failure, situation), { counts: true })
        : { decision: 'hold' };
    case 'pause':
      // Due as soon as the task resumes: while it is paused nobody claims it.
      return again(jitter(SECOND, situation), { counts: false, pause: 'misconfigured' });
    case 'wait':
      return again(waitMs(rule.defaultMs, situation), { counts: false });
    case 'slow':
      return again(waitMs(failure.retryAfterMs ?? rule.defaultMs, situation), {
        counts: false,
        pause: 'rate_limited',
      });
    case 'retry': {
      if (failure.providerDown && situation.circuitOpen)
        return again(jitter(SECOND, situation), { counts: false });
      if (situation.attempt >= rule.limit) return { decision: 'fail' };
      return again(backoffMs(rule, failure, situation), { counts: true });
    }
  }
}

const again = (
  delayMs: number,
  { counts, pause }: { counts: boolean; pause?: 'misconfigured' | 'rate_limited' },
): Verdict => ({ decision: 'retry', delayMs, counts, pause });

/**
 * Whether a mail that may have gone out goes out once more, since the operator has said so. Such an
 * attempt always counts, however the provider is: it may have been a mail.
 */
function mayResend(task: TaskName, { errorClass }: Failure, situation: Situation): boolean {
  const { whenUnknown, unknownBefore, resendLimit, attempt } = situation;
  return (
    task === 'send_receipt' &&
    errorClass === 'unknown_outcome' &&
    whenUnknown === 'resend' &&
    unknownBefore < resendLimit &&
    attempt < TASKS[task].maxAttempts
  );
}

/** Never before the time asked for; spread a little, so that all who were told the same do not come at once. */
function waitMs(askedMs: number, situation: Situation): number {
  const asked = Math.min(LONGEST_WAIT_MS, Math.max(LEAST_WAIT_MS, askedMs));
  return Math.round(asked + jitter(Math.max(asked / 4, LEAST_WAIT_MS), situation));
}

/** "Full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
function backoffMs(rule: Rule, { retryAfterMs }: Failure, situation: Situation): number {
  if (rule.do !== 'retry') return waitMs(0, situation);
  const ceiling = Math.min(rule.capMs, rule.baseMs * 2 ** (situation.attempt - 1));
  const own = jitter(ceiling, situation);
  return retryAfterMs === undefined ? own : Math.max(own, waitMs(retryAfterMs, situation));
}

const jitter = (ms: number, { random }: Situation) => Math.round(ms * random);

/** A rule in words, for `donations jobs policy`. */
export function describeRule(rule: Rule): string {
  switch (rule.do) {
    case 'retry':
      return `retry up to ${rule.limit} times, backoff ${rule.baseMs / SECOND} s to ${rule.capMs / HOUR} h, full jitter`;
    case 'wait':
      return `retry after ${rule.defaultMs / SECOND} s; no attempt burned`;
    case 'slow':
      return `slow the task down; retry when Retry-After says, else after ${rule.defaultMs / SECOND} s; no attempt burned`;
    case 'pause':
      return 'pause the task, probe, resume by itself; no attempt burned';
    case 'fail':
      return 'fail now, no retries, the reason kept';
    case 'hold':
      return 'hold for evidence or a person';
  }
}
