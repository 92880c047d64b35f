import { describe, expect, it } from 'vitest';
import {
  afterQuietHours,
  owedAlerts,
  type TellableIncident,
  type ToldAlert,
} from '../../src/lib/alerts/owed.ts';
import { routesOf } from './harness.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

const incident = (given: Partial<TellableIncident> = {}): TellableIncident => ({
  id: 'inc_1',
  rule: 'wait',
  subject: 'send_receipt',
  level: 'warning',
  worst: 'warning',
  closed: false,
  acknowledged: false,
  silenced: false,
  ...given,
});
const told = (given: Partial<ToldAlert> = {}): ToldAlert => ({
  incident: 'inc_1',
  route: 'r',
  event: 'opened',
  level: 'warning',
  nth: 0,
  at: minutesAgo(90),
  ...given,
});

/** What is owed on one route, in a word each. */
function owed(
  route: Record<string, unknown>,
  { of = incident(), before = [] as ToldAlert[], last = undefined as Date | undefined } = {},
) {
  return owedAlerts({
    incidents: [of],
    routes: routesOf({ name: 'r', via: 'log', ...route }),
    told: before,
    lastTold: () => last,
    now: NOW,
    timeZone: 'America/New_York',
  });
}
const words = (alerts: ReturnType<typeof owed>) =>
  alerts.map(({ event, level, nth }) => `${event} ${level}${nth ? ` ${nth}` : ''}`);

describe('what is owed', () => {
  const closed = incident({ closed: true });
  const critical = incident({ level: 'critical', worst: 'critical' });
  const remind = { remind: '1h' };
  it.each<[string, Record<string, unknown>, Parameters<typeof owed>[1], string[]]>([
    ['a new incident', {}, {}, ['opened warning']],
    ['one that was told', {}, { before: [told()] }, []],
    ['a warning on a route for critical ones', { level: 'critical' }, {}, []],
    ['a critical one there', { level: 'critical' }, { of: critical }, ['opened critical']],
    ['one that got worse', {}, { of: critical, before: [told()] }, ['raised critical']],
    ['one that got better', {}, { before: [told({ level: 'critical' })] }, []],
    ['another task’s', { tasks: ['charge_card'] }, {}, []],
    ['its task’s', { tasks: ['send_receipt'] }, {}, ['opened warning']],
    ['a silenced one', {}, { of: incident({ silenced: true }) }, []],
    [
      'an acknowledged one that nobody was told of',
      {},
      { of: incident({ acknowledged: true }) },
      ['opened warning'],
    ],
    ['a reminder', remind, { before: [told()] }, ['reminder warning 1']],
    [
      'the next',
      remind,
      { before: [told(), told({ event: 'reminder', nth: 1 })] },
      ['reminder warning 2'],
    ],
    [
      'none too soon',
      remind,
      { before: [told(), told({ event: 'reminder', nth: 1, at: minutesAgo(59) })] },
      [],
    ],
    [
      'none of an acknowledged one',
      remind,
      { of: incident({ acknowledged: true }), before: [told()] },
      [],
    ],
    ['the end', {}, { of: closed, before: [told()] }, ['recovered warning']],
    ['the end of what was never told', {}, { of: closed }, []],
    [
      'the end, told already',
      {},
      { of: closed, before: [told(), told({ event: 'recovered' })] },
      [],
    ],
    [
      'the end where nobody wants to hear of it',
      { recovered: false },
      { of: closed, before: [told()] },
      [],
    ],
    [
      'the end of what was silenced meanwhile',
      {},
      { of: incident({ closed: true, silenced: true }), before: [told()] },
      ['recovered warning'],
    ],
  ])('%s', (_what, route, given, expected) => {
    expect(words(owed(route, given))).toEqual(expected);
  });

  it('is nothing on a route that stands in for another', () => {
    const routes = routesOf(
      { name: 'r', via: 'log', fallback: 's' },
      { name: 's', via: 'log', standby: true },
    );
    const alerts = owedAlerts({
      incidents: [incident()],
      ...{ routes, told: [], lastTold: () => undefined, now: NOW, timeZone: 'UTC' },
    });
    expect(alerts.map(({ route }) => route)).toEqual(['r']);
  });

  const due = (...given: Parameters<typeof owed>) =>
    (owed(...given)[0]?.dueAt.getTime() ?? Number.NaN) - NOW.getTime();

  it('waits for others, and for the cool-down of the same thing', () => {
    expect(due({ group: '2m' })).toBe(120_000);
    expect(due({ coolDown: '30m' }, { last: minutesAgo(10) })).toBe(20 * 60_000);
    expect(due({ coolDown: '30m' }, { last: minutesAgo(40) })).toBe(0);
    // That it got worse, and that it is over, is news.
    expect(due({ coolDown: '30m' }, { last: minutesAgo(10), of: critical, before: [told()] })).toBe(
      0,
    );
    expect(due({ coolDown: '30m' }, { last: minutesAgo(10), of: closed, before: [told()] })).toBe(
      0,
    );
  });

  it('lets warnings wait for the end of quiet hours by the organisation’s clock, and nothing else', () => {
    // 07:00 in New York.
    expect(due({ quietHours: '22:00-07:30' })).toBe(30 * 60_000);
    expect(due({ quietHours: '22:00-07:00' })).toBe(0);
    expect(due({ quietHours: '22:00-07:30' }, { of: critical })).toBe(0);
  });
});

describe('quiet hours', () => {
  const after = (time: string, hours: string, zone = 'UTC') =>
    afterQuietHours(new Date(`2026-11-25T${time}Z`), hours, zone)
      .toISOString()
      .slice(5, 19);
  it.each([
    ['21:59:59', '22:00-07:00', '11-25T21:59:59'],
    ['22:00:00', '22:00-07:00', '11-26T07:00:00'],
    ['06:59:30', '22:00-07:00', '11-25T07:00:00'],
    ['07:00:00', '22:00-07:00', '11-25T07:00:00'],
    ['12:30:00', '12:00-13:00', '11-25T13:00:00'],
    ['12:30:00', '13:00-13:00', '11-25T12:30:00'],
  ])('at %s, of %s: %s', (time, hours, expected) => {
    expect(after(time, hours)).toBe(expected);
  });
});
