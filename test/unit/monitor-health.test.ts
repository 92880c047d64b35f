import { describe, expect, it } from 'vitest';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import { judgeHealth } from '../../src/lib/monitor/health.ts';
import type { Snapshot, Tasks } from '../../src/lib/monitor/snapshot.ts';
import { NOW, snapshot, task } from '../tui/fixtures.ts';

const ago = (ms: number) => new Date(NOW - ms).toISOString();
const of = (tasks: Partial<Tasks>): Snapshot => {
  const base = snapshot();
  return { ...base, tasks: { ...base.tasks, value: { ...(base.tasks.value as Tasks), ...tasks } } };
};
const judged = (found: Snapshot, rules: Parameters<typeof resolveRules>[0] = []) =>
  judgeHealth(found, resolveRules(rules), NOW).reasons.map(({ level, text }) => [level, text]);

describe('the health line of the monitor', () => {
  const late = of({
    rows: [task('send_receipt', { ready: 1, oldestReady: ago(90_000) })],
    pauses: [],
  });
  const wrong = of({
    rows: [task('send_receipt', { attempts: 100, errorRate: 0.3 })],
    pauses: [],
  });

  it('uses the thresholds of the health rules', () => {
    expect(judged(late)).toEqual([['warning', 'send_receipt waits 2m']]);
    expect(judged(late, [{ name: 'wait', warning: '2m' }])).toEqual([]);
    expect(judged(late, [{ name: 'wait', critical: '80s' }])).toEqual([
      ['critical', 'send_receipt waits 2m'],
    ]);
    expect(judged(wrong)).toEqual([['critical', 'attempts go wrong: send_receipt 30%']]);
    expect(judged(wrong, [{ name: 'errors', enabled: false }])).toEqual([]);
    expect(judged(wrong, [{ name: 'errors', minimum: 101 }])).toEqual([]);
  });

  it('adds the rules of one task', () => {
    const rule = { name: 'soon', kind: 'wait', task: 'send_receipt', critical: '1m' } as const;
    expect(judged(late, [rule])[0]).toEqual(['critical', 'send_receipt waits 2m']);
    expect(judged(late, [{ ...rule, task: 'charge_card' }])[0]).toEqual([
      'warning',
      'send_receipt waits 2m',
    ]);
  });

  it.each([
    ['operator', 'warning', 'send_receipt is paused'],
    ['misconfigured', 'critical', 'send_receipt is paused: the key is refused'],
    ['circuit', 'warning', 'send_receipt is paused: its provider is down'],
    ['rate_limited', 'warning', 'send_receipt waits: its provider asks for fewer requests'],
  ] as const)('shows a pause at once: %s', (cause, level, text) => {
    const pause = { task: 'send_receipt', cause, reason: 'r', since: ago(60_000), until: null };
    const found = of({ rows: [], pauses: [pause as unknown as Tasks['pauses'][number]] });
    expect(judged(found)).toEqual([[level, text]]);
  });
});
