import { describe, expect, it } from 'vitest';
import type { Incident } from '../../src/lib/alerts/incidents.ts';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import { judgeHealth } from '../../src/lib/monitor/health.ts';
import type { Alerts, Snapshot, Tasks } from '../../src/lib/monitor/snapshot.ts';
import { INCIDENT, NOW, snapshot, task } from '../tui/fixtures.ts';

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

describe('who has taken a reason on', () => {
  const THEN = '2026-11-25T14:00:00.000Z';
  const incident = (rest: Partial<Incident> = {}) =>
    JSON.parse(JSON.stringify({ ...INCIDENT, ...rest })) as Alerts['open'][number];
  const acked = { acknowledged: true, acknowledgedBy: 'grace', acknowledgedUntil: new Date(THEN) };
  const reasons = (open: Alerts['open'], silences: Partial<Alerts['silences'][number]>[] = []) => {
    const base = of({ rows: [task('send_receipt', { failed: 412 })], pauses: [] });
    const value = { open, silences: silences as Alerts['silences'] };
    const found = { ...base, alerts: { ...base.alerts, value } };
    return judgeHealth(
      found,
      resolveRules([{ name: 'soon', kind: 'failed', filter: 'age:>1h', warning: 1 }]),
      NOW,
    ).reasons;
  };

  it.each<[string, Alerts['open'], object]>([
    ['nobody', [incident()], { acknowledgedBy: null, silenced: false }],
    ['a person', [incident(acked)], { acknowledgedBy: 'grace', acknowledgedUntil: THEN }],
    [
      'nobody, while a part of it is open',
      [incident(acked), incident({ subject: 'charge_card' })],
      { acknowledgedBy: null },
    ],
    [
      'two persons, a part each',
      [incident(acked), incident({ ...acked, subject: 'charge_card', acknowledgedBy: 'ada' })],
      { acknowledgedBy: 'grace, ada' },
    ],
    [
      'nobody whom an incident of another kind has',
      [incident({ ...acked, kind: 'held' })],
      { acknowledgedBy: null },
    ],
    [
      'nobody whom a filter’s incident has',
      [incident({ ...acked, rule: 'soon' })],
      { acknowledgedBy: null, incident: null },
    ],
    ['nobody, as no worker has seen it', [], { incident: null, acknowledgedBy: null }],
  ])('%s', (_who, open, expected) => {
    const found = reasons(open).find(({ text }) => text === '412 failed');
    expect(found).toMatchObject(expected);
  });

  it('is told until when alerts are silenced, by the silence that ends last', () => {
    const silence = { rule: 'failed', task: null, until: '2026-11-25T12:30:00.000Z' };
    const longer = { rule: null, task: 'send_receipt', until: '2026-11-25T13:00:00.000Z' };
    const other = { rule: 'held', task: null, until: '2026-11-25T15:00:00.000Z' };
    const [found] = reasons([incident({ silenced: true })], [silence, longer, other]);
    expect(found).toMatchObject({ silenced: true, silencedUntil: longer.until });
  });

  it('comes after what waits for a person', () => {
    const disk = incident({ kind: 'disk', rule: 'disk', subject: '', value: 0.97, peak: 0.97 });
    expect(reasons([incident(acked), disk]).map(({ text }) => text)).toEqual([
      'disk 97% full',
      '412 failed',
    ]);
  });

  it('what no panel shows comes from the incidents', () => {
    const found = reasons([
      incident({ kind: 'disk', rule: 'disk', subject: '', value: 0.97, ...acked }),
    ]);
    expect(found).toContainEqual({
      level: 'critical',
      text: 'disk 97% full',
      since: INCIDENT.openedAt.toISOString(),
      mend: 'I alerts',
      incident: INCIDENT.id,
      acknowledgedBy: 'grace',
      acknowledgedUntil: THEN,
      silenced: false,
      silencedUntil: null,
    });
  });
});
