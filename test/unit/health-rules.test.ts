import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/lib/config.ts';
import { shownSetting } from '../../src/lib/config-schema.ts';
import { inWords, type Rule } from '../../src/lib/health/rule-kinds.ts';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import {
  judgeRules,
  type Latch,
  type Level,
  type RuleState,
  stepLatch,
} from '../../src/lib/health/rules.ts';

const rule = (given: Partial<Rule> = {}): Rule => ({
  name: 'backlog',
  kind: 'backlog',
  enabled: true,
  together: false,
  warning: 10,
  critical: 100,
  forMs: 0,
  clear: 0.8,
  windowMs: 0,
  minimum: 0,
  ...given,
});

/** The levels that a rule says of a history of values, one a second. */
function levels(of: Rule, values: (number | null)[]): Level[] {
  let states: RuleState[] = [];
  return values.map((value, i) => {
    const readings = [{ rule: of.name, subject: 'send_receipt', value }];
    const judged = judgeRules({ rules: [of], readings, states, now: i * 1000 });
    states = judged;
    return judged[0]?.level ?? 'ok';
  });
}

const [O, W, C]: Level[] = ['ok', 'warning', 'critical'];

describe('a rule', () => {
  it.each<[string, Partial<Rule>, (number | null)[], (Level | undefined)[]]>([
    ['opens at its threshold', {}, [9, 10, 11], [O, W, W]],
    ['says critical at once', {}, [0, 100], [O, C]],
    ['stays between the threshold and its clearing share', {}, [10, 9, 8, 7], [W, W, W, O]],
    ['goes from critical to warning', {}, [100, 80, 79, 8, 7], [C, C, W, W, O]],
    ['waits for its time', { forMs: 2000 }, [10, 10, 10, 10], [O, O, W, W]],
    [
      'begins to wait anew after a value below',
      { forMs: 2000 },
      [10, 10, 9, 10, 10, 10],
      [O, O, O, O, O, W],
    ],
    ['waits as long to end', { forMs: 2000 }, [10, 10, 10, 0, 0, 0], [O, O, W, W, W, O]],
    ['keeps its verdict while nobody can measure', {}, [10, null, null, 0], [W, W, W, O]],
    ['does not open for want of a measure', {}, [null, null], [O, O]],
    ['may lack a warning', { warning: null }, [50, 100, 80, 79], [O, C, C, O]],
    ['may lack a critical threshold', { critical: null }, [1e9, 7], [W, O]],
    ['with a threshold of one ends at none', { warning: 1 }, [0, 1, 1, 0], [O, W, W, O]],
  ])('%s', (_what, given, values, expected) => {
    expect(levels(rule(given), values)).toEqual(expected);
  });

  it('that is off says nothing', () => {
    const readings = [{ rule: 'backlog', subject: '', value: 1e9 }];
    expect(judgeRules({ rules: [rule({ enabled: false })], readings, states: [], now: 0 })).toEqual(
      [],
    );
  });

  it('takes what is not there any more for none, unless it could not look', () => {
    const readings = [{ rule: 'backlog', subject: 'a', value: 50 }];
    const states = judgeRules({ rules: [rule()], readings, states: [], now: 0 });
    const later = { rules: [rule()], readings: [], states, now: 1000 };
    expect(judgeRules(later)).toMatchObject([{ subject: 'a', level: 'ok', since: 1000 }]);
    expect(judgeRules({ ...later, unread: new Set(['backlog']) })).toMatchObject([
      { subject: 'a', level: 'warning', since: 0 },
    ]);
  });

  it('counts what is so now as lasting when nobody has timed it', () => {
    const readings = [{ rule: 'backlog', subject: 'a', value: 50 }];
    const of = rule({ forMs: 60_000 });
    expect(
      judgeRules({ rules: [of], readings, states: [], now: 0, immediate: true }),
    ).toMatchObject([{ level: 'warning' }]);
  });

  it('does not flap: inside the hysteresis nothing ever changes', () => {
    const inside = fc.double({ min: 80, max: 100, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(inside, { minLength: 1 }), fc.boolean(), (values, on) => {
        let latch: Latch = { on, since: 0, turning: null };
        for (const [i, value] of values.entries()) {
          latch = stepLatch(latch, { value, threshold: 100, clear: 80, now: i, forMs: 0 });
        }
        expect(latch).toEqual({ on, since: 0, turning: null });
      }),
    );
  });

  it('changes at most once in each stretch of its time, whatever the values are', () => {
    const value = fc.option(fc.double({ min: 0, max: 200, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 200 }),
        fc.integer({ min: 0, max: 20 }),
        (values, forMs) => {
          let latch: Latch = { on: false, since: -1000, turning: null };
          for (const [now, each] of values.entries()) {
            const next = stepLatch(latch, { value: each, threshold: 100, clear: 80, now, forMs });
            if (next.on !== latch.on) expect(now - latch.since).toBeGreaterThanOrEqual(forMs);
            latch = next;
          }
        },
      ),
    );
  });
});

describe('the settings', () => {
  const named = (name: string, settings: Parameters<typeof resolveRules>[0]) =>
    resolveRules(settings).find((each) => each.name === name);

  it('change a default rule and leave the rest of it', () => {
    expect(named('wait', [{ name: 'wait', warning: '2m' }])).toMatchObject({
      kind: 'wait',
      warning: 120_000,
      critical: 300_000,
    });
    expect(named('failed', [{ kind: 'failed', warning: 5, enabled: false }])).toMatchObject({
      warning: 5,
      enabled: false,
    });
  });

  it('add a rule of one task, or of a filter', () => {
    expect(
      named('slow_receipts', [
        { name: 'slow_receipts', kind: 'wait', task: 'send_receipt', critical: '10m', for: '0s' },
      ]),
    ).toMatchObject({ task: 'send_receipt', warning: null, critical: 600_000, forMs: 0 });
    expect(
      named('timeouts', [
        { name: 'timeouts', kind: 'failed', filter: 'error:~timeout', warning: 3 },
      ]),
    ).toMatchObject({ filter: 'error:~timeout', warning: 3 });
  });

  it.each([
    [{ name: 'mine' }, /rule mine is no default rule, so it needs a kind/],
    [{ name: 'mine', kind: 'wait' }, /neither a warning nor a critical threshold/],
    [{ name: 'wait', kind: 'errors' }, /is of the kind wait/],
    [{ name: 'wait', warning: '10m' }, /warns above its critical threshold/],
    [{ name: 'wait', warning: 'soon' }, /wrong warning: .*is not a duration/],
    [{ name: 'errors', warning: 5 }, /wrong warning: 5 is above 1/],
    [{ name: 'failed', warning: 0.5 }, /not a whole number/],
    [{ name: 'disk', task: 'send_receipt' }, /is not of one task/],
    [{ name: 'wait', filter: 'task:send_receipt' }, /of the kind wait take none/],
    [{ name: 'failed', filter: 'colour:red' }, /wrong filter: .*colour/],
    [{}, /neither a name nor a kind/],
  ] as [Parameters<typeof resolveRules>[0][number], RegExp][])('refuse %o', (given, why) => {
    const load = () =>
      loadConfig({
        env: { DONATIONS_HEALTH_RULES: JSON.stringify([given]), HOME: '/tmp' },
        cwd: '/tmp',
      });
    expect(load).toThrow(why);
    expect(load).toThrow(/^health\.rules/);
  });

  it('of the manual are settings', () => {
    const manual = readFileSync(new URL('../../docs/alerts.md', import.meta.url), 'utf8');
    const blocks = [...manual.matchAll(/```toml\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    expect(blocks).toHaveLength(2);
    const dir = mkdtempSync(join(tmpdir(), 'donations-manual-'));
    const text = blocks
      .join('\n')
      .replaceAll('"…"', `"${'a'.repeat(32)}"`)
      .replaceAll('…', 'x');
    writeFileSync(join(dir, 'donations.toml'), text);
    const { config } = loadConfig({ env: { HOME: dir, DONATIONS_DATA_DIR: dir }, cwd: dir });
    expect(config.alerts.routes.map(({ via }) => via)).toEqual([
      ...['slack', 'smtp', 'pagerduty', 'sendgrid', 'webhook', 'command'],
    ]);
    expect(resolveRules(config.health.rules).find(({ name }) => name === 'timeouts')).toMatchObject(
      {
        warning: 10,
        critical: null,
        clear: 0.5,
      },
    );
    // Every rule and its thresholds are in the manual's table.
    for (const { name, warning, critical, kind } of resolveRules([])) {
      const [first = '', second = ''] = [warning, critical].map((value) =>
        value === null ? '' : inWords(kind, value).replace('60m', '1h').replace('120m', '2h'),
      );
      const row = manual.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
      expect(
        row
          ?.split('|')
          .slice(-3, -1)
          .map((cell) => cell.trim()),
        name,
      ).toEqual([first, second]);
    }
    rmSync(dir, { recursive: true });
  });

  it('name the place of what is wrong', () => {
    const load = (rules: unknown) =>
      loadConfig({
        env: { DONATIONS_HEALTH_RULES: JSON.stringify(rules), HOME: '/tmp' },
        cwd: '/tmp',
      });
    expect(() => load([{ name: 'wait', clear: 3 }])).toThrow(
      /health\.rules\[0\]\.clear: is above 1/,
    );
    expect(() => load([{ name: 'wait' }, { name: 'wait' }])).toThrow(/rule wait is there twice/);
    expect(() => load('nonsense')).toThrow(/is not a list of rules/);
  });

  it('never show what routes are reached with', () => {
    const secret = 'Zq8sVn5tPw3xKd7rZq8sVn5tPw3xKd7r';
    const routes = [
      { name: 'a', via: 'slack', url: `https://hooks.example/${secret}` },
      { name: 'b', via: 'pagerduty', routingKey: secret },
      { name: 'c', via: 'smtp', to: ['x@y.example'], server: `smtp://u:${secret}@h` },
      { name: 'd', via: 'webhook', url: 'https://h.example', secret },
      { name: 'e', via: 'command', command: ['page', secret] },
    ];
    const env = { DONATIONS_ALERTS_ROUTES: JSON.stringify(routes), HOME: '/tmp' };
    const { config } = loadConfig({ env, cwd: '/tmp' });
    expect(JSON.stringify(shownSetting('alerts.routes', config.alerts.routes))).not.toContain(
      secret,
    );
    for (const wrong of [
      { level: secret },
      { via: 'smoke', url: secret },
      { name: 'a', fallback: 'zz' },
    ]) {
      const broken = {
        ...env,
        DONATIONS_ALERTS_ROUTES: JSON.stringify([{ ...routes[0], ...wrong }]),
      };
      let told = '';
      try {
        loadConfig({ env: broken, cwd: '/tmp' });
      } catch (error) {
        told = (error as Error).message;
      }
      expect(told).toMatch(/^alerts\.routes/);
      expect(told).not.toContain(secret);
    }
  });
});

it.each([
  ['wait', 90_000, '2m'],
  ['errors', 0.053, '5.3%'],
  ['errors', 0.05, '5%'],
  ['disk', 0.87, '87%'],
  ['backlog', 12_345, '12,345'],
] as const)('the value of %s %f reads %s', (kind, value, words) => {
  expect(inWords(kind, value)).toBe(words);
});
