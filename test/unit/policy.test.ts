import { describe, expect, it } from 'vitest';
import {
  decide,
  type Failure,
  type FailureClass,
  POLICY,
  type Situation,
} from '../../src/lib/queue/policy.ts';
import { TASK_NAMES, TASKS } from '../../src/lib/queue/tasks.ts';

const situation = (rest: Partial<Situation> = {}): Situation => ({
  attempt: 1,
  circuitOpen: false,
  random: 0.5,
  whenUnknown: 'hold',
  resendLimit: 1,
  unknownBefore: 0,
  ...rest,
});

describe('the policy table', () => {
  const expected: [FailureClass, string][] = [
    ['transient', 'retry'],
    ['rate_limited', 'slow'],
    ['permanent', 'fail'],
    ['unknown_outcome', 'hold'],
    ['misconfigured', 'pause'],
    ['database', 'wait'],
    ['internal', 'retry'],
  ];
  for (const task of TASK_NAMES) {
    it.each(expected)(`${task}: %s → %s`, (errorClass, rule) => {
      expect(POLICY[task][errorClass].do).toBe(rule);
    });
  }
});

describe('decide', () => {
  const cases: [string, Failure, Partial<Situation>, object][] = [
    [
      'backs off by 2 s with full jitter',
      { errorClass: 'transient' },
      {},
      { decision: 'retry', delayMs: 1000, counts: true, pause: undefined },
    ],
    [
      'doubles for each attempt',
      { errorClass: 'transient' },
      { attempt: 4 },
      { decision: 'retry', delayMs: 8000, counts: true, pause: undefined },
    ],
    [
      'never waits more than an hour',
      { errorClass: 'transient' },
      { attempt: 24, random: 0.999999 },
      { decision: 'retry', delayMs: 3_599_996, counts: true, pause: undefined },
    ],
    [
      'gives up after the last attempt',
      { errorClass: 'transient' },
      { attempt: TASKS.send_receipt.maxAttempts },
      { decision: 'fail' },
    ],
    [
      'waits at least as long as it was told',
      { errorClass: 'transient', retryAfterMs: 5000 },
      { random: 0 },
      { decision: 'retry', delayMs: 5000, counts: true, pause: undefined },
    ],
    [
      'burns no attempt while the circuit is open',
      { errorClass: 'transient', providerDown: true },
      { circuitOpen: true, attempt: 25 },
      { decision: 'retry', delayMs: 500, counts: false, pause: undefined },
    ],
    [
      'honours Retry-After and burns no attempt',
      { errorClass: 'rate_limited', retryAfterMs: 30_000 },
      { random: 0, attempt: 25 },
      { decision: 'retry', delayMs: 30_000, counts: false, pause: 'rate_limited' },
    ],
    [
      'never comes before Retry-After',
      { errorClass: 'rate_limited', retryAfterMs: 4000 },
      { random: 0.999 },
      { decision: 'retry', delayMs: 4999, counts: false, pause: 'rate_limited' },
    ],
    [
      'waits a little when not told how long',
      { errorClass: 'rate_limited' },
      { random: 0 },
      { decision: 'retry', delayMs: 5000, counts: false, pause: 'rate_limited' },
    ],
    [
      'waits at least a second when told not to wait, or until a time that is past',
      { errorClass: 'rate_limited', retryAfterMs: 0 },
      { random: 0 },
      { decision: 'retry', delayMs: 1000, counts: false, pause: 'rate_limited' },
    ],
    [
      'spreads also those who need not wait',
      { errorClass: 'rate_limited', retryAfterMs: 0 },
      { random: 0.5 },
      { decision: 'retry', delayMs: 1500, counts: false, pause: 'rate_limited' },
    ],
    [
      'asks again within the hour, whatever it was told',
      { errorClass: 'rate_limited', retryAfterMs: 9e15 },
      { random: 0 },
      { decision: 'retry', delayMs: 3_600_000, counts: false, pause: 'rate_limited' },
    ],
    [
      'spreads those that a provider which is down told the same',
      { errorClass: 'transient', retryAfterMs: 0 },
      { random: 0.9 },
      { decision: 'retry', delayMs: 1900, counts: true, pause: undefined },
    ],
    ['fails at once what can never work', { errorClass: 'permanent' }, {}, { decision: 'fail' }],
    ['holds what may have been done', { errorClass: 'unknown_outcome' }, {}, { decision: 'hold' }],
    [
      'holds it also when the provider seems down',
      { errorClass: 'unknown_outcome', providerDown: true },
      { circuitOpen: true },
      { decision: 'hold' },
    ],
    [
      'sends again if the operator said so',
      { errorClass: 'unknown_outcome' },
      { whenUnknown: 'resend' },
      { decision: 'retry', delayMs: 1000, counts: true, pause: undefined },
    ],
    [
      'counts such an attempt however open the circuit is',
      { errorClass: 'unknown_outcome', providerDown: true },
      { whenUnknown: 'resend', circuitOpen: true },
      { decision: 'retry', delayMs: 1000, counts: true, pause: undefined },
    ],
    [
      'holds a mail that was sent again as often as the operator allows',
      { errorClass: 'unknown_outcome', providerDown: true },
      { whenUnknown: 'resend', circuitOpen: true, unknownBefore: 1 },
      { decision: 'hold' },
    ],
    [
      'sends it twice more if that is allowed',
      { errorClass: 'unknown_outcome' },
      { whenUnknown: 'resend', unknownBefore: 1, resendLimit: 2 },
      { decision: 'retry', delayMs: 1000, counts: true, pause: undefined },
    ],
    [
      'holds, and does not fail, a mail of unknown outcome in the last attempt',
      { errorClass: 'unknown_outcome' },
      { whenUnknown: 'resend', attempt: 25 },
      { decision: 'hold' },
    ],
    [
      'pauses the task when the key is refused',
      { errorClass: 'misconfigured' },
      { attempt: 25 },
      { decision: 'retry', delayMs: 500, counts: false, pause: 'misconfigured' },
    ],
    [
      'tries a bug in donations five times',
      { errorClass: 'internal' },
      { attempt: 5 },
      { decision: 'fail' },
    ],
    [
      'does not count what Postgres interrupted',
      { errorClass: 'database' },
      { random: 0, attempt: 25 },
      { decision: 'retry', delayMs: 1000, counts: false, pause: undefined },
    ],
  ];
  it.each(cases)('%s', (_name, failure, rest, verdict) => {
    expect(decide('send_receipt', failure, situation(rest))).toEqual(verdict);
  });

  it('never charges again on an unknown outcome, whatever is configured for receipts', () => {
    expect(
      decide(
        'charge_card',
        { errorClass: 'unknown_outcome' },
        situation({ whenUnknown: 'resend' }),
      ),
    ).toEqual({ decision: 'hold' });
  });
});
