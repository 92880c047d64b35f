import type { ErrorClass } from '../providers/errors.ts';
import { TASKS, type TaskName } from './tasks.ts';

/** A provider's failure, or one of ours: `internal` is a bug, `database` Postgres going away. */
export type FailureClass = ErrorClass | 'internal' | 'database';

/** What the table says of one class of failure. Times in milliseconds. */
export type Rule =
  /** Again after a random time up to `baseMs` doubled for each attempt, at most `capMs`; at most `limit` attempts. */
  | { do: 'retry'; baseMs: number; capMs: number; limit: number }
  /** Again when the provider said, or after `defaultMs`; the attempt does not count. */
  | { do: 'wait'; defaultMs: number }
  /** Stop every job of the task and ask the provider now and then; the attempt does not count. */
  | { do: 'pause' }
  /** No more attempts. */
  | { do: 'fail' }
  /** No more attempts until evidence or a person says what happened. */
  | { do: 'hold' };

const SECOND = 1000;
const HOUR = 3600 * SECOND;

const retry = (task: TaskName, limit = TASKS[task].maxAttempts): Rule => ({
  do: 'retry',
  baseMs: 2 * SECOND,
  capMs: HOUR,
  limit,
});

const forTask = (task: TaskName): Record<FailureClass, Rule> => ({
  transient: retry(task),
  rate_limited: { do: 'wait', defaultMs: 5 * SECOND },
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
  maintain_ledger: forTask('maintain_ledger'),
  sample_queue: forTask('sample_queue'),
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
}

/** What to do about one failed attempt. Delays in milliseconds from now. */
export type Verdict =
  /** `counts`: whether the attempt is one of the job's limited number. */
  | { decision: 'retry'; delayMs: number; counts: boolean; pause: boolean }
  | { decision: 'fail' }
  | { decision: 'hold' };

/** Applies the table. Pure: the same failure in the same situation has the same verdict. */
export function decide(task: TaskName, failure: Failure, situation: Situation): Verdict {
  const rule =
    failure.errorClass === 'unknown_outcome' &&
    task === 'send_receipt' &&
    situation.whenUnknown === 'resend'
      ? POLICY[task].transient
      : POLICY[task][failure.errorClass];
  switch (rule.do) {
    case 'fail':
    case 'hold':
      return { decision: rule.do };
    case 'pause':
      // Due as soon as the task resumes: while it is paused nobody claims it.
      return { decision: 'retry', delayMs: jitter(SECOND, situation), counts: false, pause: true };
    case 'wait': {
      const asked = failure.retryAfterMs ?? rule.defaultMs;
      // Never before the time asked for; spread a little, so that all who were told the same do not come at once.
      return {
        decision: 'retry',
        delayMs: asked + jitter(asked / 4, situation),
        counts: false,
        pause: false,
      };
    }
    case 'retry': {
      if (failure.providerDown && situation.circuitOpen) {
        return {
          decision: 'retry',
          delayMs: jitter(SECOND, situation),
          counts: false,
          pause: false,
        };
      }
      if (situation.attempt >= rule.limit) return { decision: 'fail' };
      // "Full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
      const ceiling = Math.min(rule.capMs, rule.baseMs * 2 ** (situation.attempt - 1));
      const delayMs = Math.max(failure.retryAfterMs ?? 0, jitter(ceiling, situation));
      return { decision: 'retry', delayMs, counts: true, pause: false };
    }
  }
}

const jitter = (ms: number, { random }: Situation) => Math.round(ms * random);

/** A rule in words, for `donations jobs policy`. */
export function describeRule(rule: Rule): string {
  switch (rule.do) {
    case 'retry':
      return `retry up to ${rule.limit} times, backoff ${rule.baseMs / SECOND} s to ${rule.capMs / HOUR} h, full jitter`;
    case 'wait':
      return `retry when Retry-After says, else after ${rule.defaultMs / SECOND} s; no attempt burned`;
    case 'pause':
      return 'pause the task, probe, resume by itself; no attempt burned';
    case 'fail':
      return 'fail now, no retries, the reason kept';
    case 'hold':
      return 'hold for evidence or a person';
  }
}
