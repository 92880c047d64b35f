import { expect, it } from 'vitest';
import { fingerprint, normaliseMessage } from '../../src/lib/queue/fingerprint.ts';

const same: [what: string, one: string, other: string][] = [
  [
    'ids',
    'No such PaymentMethod: pm_1OqGx2LkdIwHu7ixAAAAAAAA',
    'No such PaymentMethod: pm_1PzZz9LkdIwHu7ixBBBBBBBB',
  ],
  [
    'ids of ours',
    'donation don_01jd0000000000000000000000 is gone',
    'donation don_01jdzzzzzzzzzzzzzzzzzzzzzz is gone',
  ],
  [
    'UUIDs',
    'request 0190a1b2-aaaa-7bbb-8ccc-0123456789ab failed',
    'request 0190ffff-dddd-7eee-9fff-ba9876543210 failed',
  ],
  ['numbers', 'timed out after 1500 ms', 'timed out after 700 ms'],
  ['ports', 'connect ECONNREFUSED 127.0.0.1:4010', 'connect ECONNREFUSED 127.0.0.1:50112'],
  ['addresses', 'ada@example.org does not exist', 'b.c+d@mail.example.com does not exist'],
  ['times', 'at 2026-11-23 21:07:12 it broke', 'at 2025-01-02 03:04:05 it broke'],
  ['white space', 'a  b\n c', 'a b c'],
];
it.each(same)('is the same whatever the %s', (_what, one, other) => {
  expect(fingerprint('transient', one)).toBe(fingerprint('transient', other));
});

it('differs by class and cause', () => {
  const all = [
    fingerprint('transient', 'timed out'),
    fingerprint('permanent', 'timed out'),
    fingerprint('transient', 'connection reset'),
  ];
  expect(new Set(all).size).toBe(all.length);
  for (const print of all) expect(print).toMatch(/^[0-9a-f]{12}$/);
});

it('keeps no address or id, and not more than a line', () => {
  const text = normaliseMessage(`ada@example.org pm_1OqGx2LkdIwHu7ix ${'x'.repeat(500)}`);
  expect(text).not.toMatch(/ada|example|pm_1/);
  expect(text.length).toBeLessThanOrEqual(200);
});
