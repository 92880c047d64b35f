import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEYMAP, whyOff } from '../../src/commands/monitor/keymap.ts';
import { runCli } from '../support/cli.ts';
import { addNight, at, ZONE } from '../support/night.ts';
import { type System, startSystem } from '../support/system.ts';
import { Desk, NOW, SESSION } from './fixtures.ts';
import { frameOf } from './harness.ts';
import { hasTmux, Tmux } from './tmux.ts';

const MINUTE = 60_000;

describe('keys in the past', () => {
  const desk = (latest = NOW + 3_600_000) =>
    new Desk({
      session: { ...SESSION, readOnly: 'this is the past' },
      past: { at: NOW, latest, timeZone: 'UTC' },
    });

  it.each([
    ['left', -MINUTE],
    ['right', MINUTE],
    ['[', -10 * MINUTE],
    [']', 10 * MINUTE],
  ])('%s moves the moment, and has it read', (key, by) => {
    const moved = desk().press(key);
    expect(moved.state.past?.at).toBe(NOW + by);
    expect(moved.state.now).toBe(NOW + by);
    expect(moved.done()).toEqual([{ do: 'refresh' }]);
    expect(moved.state.window).toBe(0);
  });

  it('end at the present', () => {
    const moved = desk(NOW + 5 * MINUTE).press(']', 'right');
    expect(moved.state.past?.at).toBe(NOW + 5 * MINUTE);
    expect(moved.state.notice?.text).toContain('later is now: donations monitor');
  });

  it('change the window with + and -', () => {
    expect(desk().press('-', '-', '+').state.window).toBe(1);
    expect(desk().press('+').state.notice?.text).toContain('shortest window');
  });

  it('change nothing, and say why', () => {
    const { state } = desk();
    for (const binding of KEYMAP.filter(({ changes }) => changes))
      expect(whyOff(binding, state)).toBe('this is the past');
    for (const key of ['J', '5', '/', ':', 'H', 'f'])
      expect(desk().press(key).state.notice?.text, key).toMatch(
        /history does not (hold|record)|past moment does not change/,
      );
  });

  it('Enter on a task lists what went wrong in the window', () => {
    const { view } = desk().press('return');
    expect(view.name).toBe('failures');
    expect(view.arg).toBe('2026-11-25T11:45:00.000Z/2026-11-25T12:00:00.000Z');
  });

  it('y copies the command of the moment', () => {
    expect(desk().press('left', 'y').done()).toContainEqual({
      do: 'copy',
      text: 'donations monitor --at 2026-11-25T11:59:00.000Z',
    });
  });

  it('are explained in the help', () => {
    const help = frameOf({ ...desk().state, help: 0, rows: 80 }).join('\n');
    expect(help).toMatch(/\[ +ten minutes earlier/);
    expect(help).toMatch(/r +run failed jobs.*off: this is the past/);
  });
});

describe('donations monitor --at', () => {
  let system: System;
  let tmux: Tmux | undefined;
  beforeAll(async () => {
    system = await startSystem({ LANG: 'C.UTF-8', DONATIONS_ORGANIZATION_TIME_ZONE: ZONE });
    await addNight(system.db);
  });
  afterEach(() => tmux?.close());
  afterAll(() => system.close());

  const monitor = (...args: string[]) => runCli(['monitor', ...args], { env: system.env });

  it('has for a script what was so then, and says what is not known', async () => {
    const { code, stdout } = await monitor('--at', '2026-03-10 03:10', '--json');
    expect(code).toBe(0);
    const past = JSON.parse(stdout);
    expect(past.at).toBe(at('03:10:00'));
    expect(past.health).toMatchObject({
      level: 'critical',
      reasons: [{ text: 'send_receipt circuit: SendGrid: 503', since: at('03:00:20') }],
    });
    expect(past.tasks.value.rows).toMatchObject([
      {
        task: 'send_receipt',
        ...{ ready: 300, running: 1, scheduled: null, retrying: null, failed: null, held: null },
        ...{ done_per_minute: 0, enqueued_per_minute: 40, attempts: 2, error_rate: 0.5 },
        oldest_ready_at: at('03:01:00'),
      },
    ]);
    expect(past.tasks.value.pauses).toMatchObject([
      { cause: 'circuit', reason: 'SendGrid: 503' },
      { cause: 'operator', since: at('03:05:00') },
    ]);
    expect(past.workers.value).toMatchObject([
      { status: 'alive', version: '0.1.0', host: 'web-1', jobs: [{ job: '904' }] },
    ]);
    const events = past.events.value.map((event: { at: string; text: string }) => event.text);
    expect(events.slice(0, 4)).toEqual([
      'send_receipt retry, attempt 1: SendGrid answered 503',
      'grace: jobs.pause send_receipt (SendGrid is down)',
      'send_receipt retry, attempt 1: SendGrid answered 503',
      'incident raised: circuit of send_receipt (critical)',
    ]);
    const { buckets, step_ms: stepMs } = past.history;
    expect(Date.parse(buckets.at(-1).at) + stepMs).toBe(Date.parse(past.at));
    expect(past.not_known[0]).toContain('scheduled, retrying, failed or held');
  });

  it('knows which workers were there, and where no sample was taken', async () => {
    const { stdout } = await monitor('--at', '2026-03-10T08:35:00Z', '--json=workers,tasks');
    const { workers, tasks } = JSON.parse(stdout);
    expect(workers.value).toMatchObject([
      { status: 'gone', version: '0.2.0' },
      { status: 'stopped', version: '0.1.0' },
    ]);
    expect(tasks.value.rows).toMatchObject([{ task: 'send_receipt', ready: null }]);
    expect(tasks.value.pauses).toEqual([]);
  });

  it('knows who had taken an incident on, and which alerts were silenced', async () => {
    await system.db.query(
      `with taken as (
         update donations.incidents set acknowledged_by = 'ada', acknowledged_at = $1, acknowledged_until = $2 returning id)
       insert into donations.incident_events (incident_id, at, kind, actor)
       select id, $1, 'acknowledged', 'ada' from taken`,
      [at('03:20:00'), at('03:25:00')],
    );
    await system.db.query(
      `insert into donations.alert_silences (id, rule, actor, created_at, until, ended_at)
       values ('sil_' || repeat('0', 26), 'circuit', 'ada', $1, $2, $3)`,
      [at('03:22:00'), at('05:00:00'), at('03:28:00')],
    );
    const reasons = async (clock: string) =>
      JSON.parse((await monitor('--at', `2026-03-10 ${clock}`, '--json=health')).stdout).health
        .reasons;
    const open = { incident: expect.stringMatching(/^inc_/), mend: 'I alerts' };
    expect(await reasons('03:15')).toMatchObject([
      { ...open, acknowledged_by: null, silenced: false },
    ]);
    expect(await reasons('03:23')).toMatchObject([
      {
        ...open,
        ...{ acknowledged_by: 'ada', acknowledged_until: at('03:25:00') },
        ...{ silenced: true, silenced_until: at('03:28:00') },
      },
    ]);
    expect(await reasons('03:29')).toMatchObject([{ acknowledged_by: null, silenced: false }]);
  });

  it('prints a frame', async () => {
    const { code, stdout } = await monitor('--at', '2026-03-10 03:10', '--once', '--width', '120');
    expect(code).toBe(0);
    const [first, second] = stdout.split('\n');
    expect(first).toMatch(/read-only.*PAST 2026-03-10 03:10 America\/New_York/);
    expect(second).toContain('send_receipt circuit: SendGrid: 503');
    expect(stdout).toMatch(/6 held \?/);
    expect(stdout).toMatch(/charge_card .*· not known/);
    // The charts end at the moment, by the organisation's clock.
    expect(stdout).toMatch(/02:10 +03:10/);
  });

  it.each([
    ['2099-01-01', /in the future/],
    ['soon', /not a time/],
  ])('refuses %s', async (moment, reason) => {
    const { code, stderr } = await monitor('--at', moment, '--once');
    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
  });

  it.skipIf(!hasTmux)('moves on a terminal, and changes nothing', async () => {
    const command = `${process.execPath} ${new URL('../../bin/donations', import.meta.url).pathname}`;
    tmux = new Tmux(
      `${command} monitor --at '2026-03-10 03:10'; exec sleep 1000`,
      { columns: 120, rows: 40 },
      system.env,
    );
    await tmux.until(/PAST 2026-03-10 03:10 [\s\S]*circuit open[\s\S]*jobs.pause/);
    tmux.keys('Left', 'Left');
    await tmux.until(/PAST 2026-03-10 03:08 /);
    tmux.keys(']', ']', ']');
    await tmux.until(/PAST 2026-03-10 03:38 [\s\S]*no incident was open/);
    tmux.keys('r');
    await tmux.until(/this is the past, which cannot be changed/);
    tmux.keys('A');
    await tmux.until(/jobs.resume[\s\S]*jobs.pause/);
    tmux.keys('I');
    await tmux.until(/Incidents[\s\S]*over +send_receipt provider down/);
    tmux.keys('q', 'q');
    await tmux.until((screen) => !screen.includes('PAST'));
  });
});
