import { expect, test } from 'vitest';
import { faultRules, kebab } from '../../src/commands/sandbox/shared/fault-options.ts';
import { UserError } from '../../src/lib/errors.ts';

test.each<[string, Parameters<typeof faultRules>[0], object[]]>([
  ['shares', { timeouts: '20%', errors: '5%' }, [{ timeouts: 0.2, errors: 0.05 }]],
  [
    'a rate and latency',
    { rateLimit: '10/s', latency: '100ms-2s' },
    [{ rateLimit: 10, latencyMs: [100, 2000] }],
  ],
  ['an outage for a while', { down: '60s' }, [{ down: true, forMs: 60_000 }]],
  ['an outage until cleared', { unavailable: true }, [{ unavailable: true }]],
  [
    'an outage that ends before the rest',
    { down: '60s', html: '1%' },
    [{ down: true, forMs: 60_000 }, { html: 0.01 }],
  ],
  [
    'limits',
    { errors: '100%', path: '/v1/customers', count: '3', for: '10m', seed: '0' },
    [{ errors: 1, path: '/v1/customers', count: 3, forMs: 600_000, seed: 0 }],
  ],
  [
    'late requests',
    { late: '100%', lateBy: '2s', path: 'confirm' },
    [{ late: 1, lateMs: 2000, path: 'confirm' }],
  ],
  ['late requests until they are released', { lateAfterReset: '5%' }, [{ lateAfterReset: 0.05 }]],
  [
    'a limit on an outage without a time',
    { forbidden: true, for: '5s' },
    [{ forbidden: true, forMs: 5000 }],
  ],
])('%s', (_what, options, rules) => expect(faultRules(options)).toEqual(rules));

test.each<[string, Parameters<typeof faultRules>[0]]>([
  ['nothing', {}],
  ['limits alone', { path: '/v1', count: '3' }],
  ['a bare number', { timeouts: '20' }],
  ['more than everything', { timeouts: '60%', errors: '60%' }],
  ['an outage for a number', { down: '60' }],
  ['a bad pattern', { errors: '1%', path: '(' }],
  ['late by a time alone', { lateBy: '2s' }],
  ['late by a time with another fault', { lateBy: '2s', errors: '1%' }],
  ['a count of none', { errors: '1%', count: '0' }],
])('not %s', (_what, options) => {
  expect(() => faultRules(options)).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(() => faultRules(options)).toThrow(UserError);
});

test('options are spelt with dashes', () => {
  expect(kebab('resetAfterProcessing')).toBe('reset-after-processing');
});
