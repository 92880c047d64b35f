import type { ErrorClass } from '../providers/errors.ts';
import { TASKS, type TaskName } from './tasks.ts';

/**
 * The error class of a provider failure, or of our own: `internal` is a bug, `database` means that
 * Postgres is unavailable.
 */
export type FailureClass = ErrorClass | 'internal' | 'database';

/** The rule for one class of failure. Times are in milliseconds. */
export type Rule =
  /**
   * Retry after a random time up to `baseMs`, doubled for each attempt, up to `capMs`; at most
   * `limit` attempts.
   */
  | { do: 'retry'; baseMs: number; capMs: number; limit: number }
  /** Retry after `defaultMs`. The attempt does not count. */
  | { do: 'wait'; defaultMs: number }
  /**
   * Retry when the provider's Retry-After says, else after `defaultMs`. Until then the whole task
   * rests. The attempt does not count.
   */
  | { do: 'slow'; defaultMs: number }
  /** Pause the task and probe the provider. The attempt does not count. */
  | { do: 'pause' }
  /** Fail for good. */
  | { do: 'fail' }
  /** Hold until evidence or a person decides. */
  | { do: 'hold' };

const SECOND = 1000;
const HOUR = 3600 * SECOND;
/** Bounds of the wait that a provider asks for. */
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

/** The retry policy: one rule for each task and class of failure. */
export const POLICY: Record<TaskName, Record<FailureClass, Rule>> = {
  charge_card: forTask('charge_card'),
  settle_donation: forTask('settle_donation'),
  tokenize_card: forTask('tokenize_card'),
  send_receipt: forTask('send_receipt'),
};

/**
 * After this many consecutive provider failures on one worker, the task is paused on all workers.
 */
export const CIRCUIT_THRESHOLD = 5;

/**
 * What each class means. A declined card has no class: it is an answer. The job succeeds and the
 * donation fails.
 */
export const FAILURE_CLASSES: Record<FailureClass, string> = {
  transient:
    'not done, or safe to repeat: refused, DNS, 5xx, connection lost under an idempotency key',
  rate_limited: 'the provider asks for fewer requests (429)',
  permanent: 'will never succeed: bad request, invalid address, missing resource',
  unknown_outcome: 'may have been done, and repeating it could do it twice',
  misconfigured: 'the provider refuses our key or account (401, 403)',
  database: 'Postgres was unavailable',
  internal: 'a bug in donations',
};

export interface Failure {
  errorClass: FailureClass;
  /** The wait in milliseconds that the provider asks for. */
  retryAfterMs?: number | undefined;
  providerDown?: boolean;
}

export interface Situation {
  /** The number of attempts, this one included. */
  attempt: number;
  /** Whether the task was paused because its provider failed repeatedly. */
  circuitOpen: boolean;
  /** 0 ≤ random < 1. */
  random: number;
  /** Whether mails of unknown outcome are held or sent again (`receipts.whenUnknown`). */
  whenUnknown: 'hold' | 'resend';
  /** How often a mail of unknown outcome is sent again at most (`receipts.resendLimit`). */
  resendLimit: number;
  /** How many earlier attempts of this job have an unknown outcome. */
  unknownBefore: number;
}

/** The decision about one failed attempt. Delays are in milliseconds from now. */
export type Verdict =
  | {
      decision: 'retry';
      delayMs: number;
      /** Whether the attempt counts towards the limit. */
      counts: boolean;
      /** Why the whole task must wait: until the provider recovers, or for the delay. */
      pause: 'misconfigured' | 'rate_limited' | undefined;
    }
  | { decision: 'fail' }
  | { decision: 'hold' };

/** Applies the policy. The function is pure: it uses neither clock nor database. */
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
      // The job is due at once; the pause of the task prevents its claim.
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
 * Whether policy allows another mail after an unknown outcome. Such an attempt always counts,
 * because each may have sent a mail.
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

/** Waits at least the requested time, plus jitter so that the jobs do not all come back at once. */
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

/** Describes a rule for `donations jobs policy`. */
export function describeRule(rule: Rule): string {
  switch (rule.do) {
    case 'retry':
      return `retry up to ${rule.limit} times, backoff ${rule.baseMs / SECOND} s to ${rule.capMs / HOUR} h, full jitter`;
    case 'wait':
      return `retry after ${rule.defaultMs / SECOND} s; the attempt does not count`;
    case 'slow':
      return `slow the task down; retry after Retry-After, else after ${rule.defaultMs / SECOND} s; the attempt does not count`;
    case 'pause':
      return 'pause the task, probe the provider, resume by itself; the attempt does not count';
    case 'fail':
      return 'fail for good, keep the reason';
    case 'hold':
      return 'hold for evidence or a person';
  }
}
