import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { addJob } from '../support/jobs.ts';
import { type System, startSystem } from '../support/system.ts';
import { hasTmux, Tmux } from './tmux.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MONITOR = `${process.execPath} ${ROOT}bin/donations monitor`;
/** Afterwards: how it ended, and whether the terminal echoes again. */
const AFTERWARDS = `code=$?; stty -a | grep -q ' echo ' && echo 'echoes again'; echo "ended $code"; exec sleep 1000`;
const GONE = 'apt-get install tmux';

if (!hasTmux) process.stderr.write(`The monitor's terminal tests need tmux: ${GONE}\n`);

describe.skipIf(!hasTmux)('the monitor in a terminal', () => {
  let system: System;
  let tmux: Tmux | undefined;
  beforeAll(async () => {
    system = await startSystem({ LANG: 'C.UTF-8', DONATIONS_ACTOR: 'grace' });
  });
  beforeEach(async () => {
    await system.db.query('delete from graphile_worker._private_jobs');
    await system.db.query('delete from donations.job_verdicts');
    for (let i = 0; i < 5; i++)
      await addJob(system.db, { state: 'failed', error: `SendGrid refused 山田 ${i}` });
    await addJob(system.db, { state: 'scheduled', task: 'tokenize_card' });
  });
  afterEach(() => {
    tmux?.close();
    tmux = undefined;
  });
  afterAll(() => system?.close());

  const open = (columns: number, rows: number, args = '', env: NodeJS.ProcessEnv = {}) => {
    tmux = new Tmux(
      `${MONITOR} ${args}; ${AFTERWARDS}`,
      { columns, rows },
      { ...system.env, ...env },
    );
    return tmux;
  };
  const count = async (sql: string) => {
    const { rows } = await system.db.query<{ count: number }>(
      `select count(*)::int as count ${sql}`,
    );
    return rows[0]?.count;
  };

  function isAsBefore(terminal: Tmux, screen: string): void {
    expect(screen).toContain('echoes again');
    expect(terminal.variable('alternate_on')).toBe('0');
    expect(terminal.variable('cursor_flag')).toBe('1');
  }

  it.each([
    [140, 45, /Oldest wait/],
    [100, 30, /Latest events/],
    [80, 24, /Throughput/],
    [60, 15, /Tasks/],
    [50, 10, /60x15 and more shows all/],
  ])('starts at %i×%i, and leaves the terminal as it was', async (columns, rows, shown) => {
    const terminal = open(columns, rows);
    const screen = await terminal.until((text) => shown.test(text) && /fail(ed)? 5/.test(text));
    expect(screen).toContain('SANDBOX');
    expect(screen.split('\n').length).toBeLessThanOrEqual(rows + 1);
    terminal.keys('q');
    isAsBefore(terminal, await terminal.until(/ended 0/));
  });

  it('goes through every view, filters, marks and retries with a confirmation', async () => {
    const terminal = open(100, 30);
    await terminal.until(/fail(ed)? 5/);
    for (const [key, shown] of [
      ['E', /Failures by their cause[\s\S]*SendGrid refused/],
      ['W', /Workers of the last day/],
      ['H', /No receipt is held/],
      ['Tab', /No receipt is failed/],
      ['I', /No worker found a problem/],
      ['A', /Who changed what/],
      ['?', /Keys[\s\S]*Esc closes/],
      ['Escape', /Who changed what/],
      ['5', /Jobs {2}state:failed[\s\S]*山田 0/],
      ['Enter', /Job \d+[\s\S]*Attempts/],
      ['Escape', /Jobs {2}state:failed/],
    ] as const) {
      terminal.keys(key);
      await terminal.until(shown);
    }
    terminal.keys('/');
    terminal.type('error:~"山田 3"');
    terminal.keys('Enter');
    await terminal.until((text) => /山田 3/.test(text) && !/山田 0/.test(text));
    terminal.keys('Space', 'r');
    const plan = await terminal.until(/Retry 1 job/);
    expect(plan).toMatch(/0 charges, 1 e-mail/);
    expect(await count(`from donations.job_verdicts where decision = 'fail'`)).toBe(5);
    terminal.keys('Enter');
    await terminal.until(/Retried 1 of 1 job/);
    expect(await count(`from donations.job_verdicts where decision = 'fail'`)).toBe(4);
    const { rows } = await system.db.query(
      `select actor, command from donations.audit_log where action = 'jobs.retry' and operation is null`,
    );
    expect(rows).toEqual([
      {
        actor: 'grace',
        command: expect.stringMatching(/^donations jobs retry \d+ {3}# in donations monitor$/),
      },
    ]);
  });

  it('discards everything that matches when its number is typed, and undoes it', async () => {
    const terminal = open(100, 30);
    await terminal.until(/fail(ed)? 5/);
    terminal.keys('5');
    await terminal.until(/SendGrid refused/);
    terminal.keys('a', 'd');
    await terminal.until(/Type 5 to go on/);
    terminal.type('5');
    terminal.keys('Enter');
    await terminal.until(/Discarded 5 of 5 jobs/);
    expect(await count('from donations.discarded_jobs where restored_as is null')).toBe(5);
    terminal.keys('u');
    await terminal.until(/Restore 5 jobs/);
    terminal.keys('Enter');
    await terminal.until(/Restored 5 jobs/);
    expect(await count('from donations.discarded_jobs where restored_as is null')).toBe(0);
    terminal.keys('Escape');
    await terminal.until(/fail(ed)? 5/);
  });

  it('shows incidents, and acknowledges and silences them as the commands do', async () => {
    await runCli(['alerts', 'check'], { env: system.env });
    const terminal = open(140, 45);
    await terminal.until(/5 failed .*› 5 r retry[\s\S]*incident opened: failed of send_receipt/);
    terminal.keys(':');
    terminal.type('alerts');
    terminal.keys('Enter', '/');
    terminal.type('rule:failed');
    terminal.keys('Enter');
    // The rows that were shown before the filter cannot be acted on.
    await terminal.until(/Incidents.* rule:failed [\s\S]*open +send_receipt 5 failed/);
    terminal.keys('c');
    await terminal.until(/Acknowledge it for/);
    terminal.type('2h asked SendGrid');
    terminal.keys('Enter');
    await terminal.until(
      /until +in 2h[\s\S]*Enter do it[\s\S]*donations alerts ack inc_\w+ --for 2h/,
    );
    terminal.keys('Enter');
    await terminal.until(/is acknowledged by grace for 2h/);
    terminal.keys('Escape');
    // With the dialog closed: a key that comes with Escape would be read as Alt and that key.
    const acknowledged =
      /5 failed \S+ \(acknowledged by grace until \d\d:\d\d\)[\s\S]*acknowledged +send_receipt 5 failed/;
    await terminal.until((text) => acknowledged.test(text) && !/any key +close/.test(text));
    terminal.keys('m');
    await terminal.until(/Send no alerts for/);
    terminal.type('30m');
    terminal.keys('Enter');
    await terminal.until(/open now +1 incident/);
    terminal.keys('Enter');
    await terminal.until(/m sends them again/);
    terminal.keys('Escape');
    await terminal.until((text) => !/any key +close/.test(text));
    terminal.keys('Enter');
    await terminal.until(/acknowledged by grace: asked SendGrid[\s\S]*alert to log: opened, sent/);
    const { rows } = await system.db.query<{ action: string; command: string }>(
      `select action, command from donations.audit_log where action like 'alerts.%' order by at, id`,
    );
    expect(rows.map(({ action }) => action)).toEqual(['alerts.ack', 'alerts.silence']);
    expect(rows[1]?.command).toMatch(
      /^donations alerts silence --rule failed --task send_receipt --for 30m {3}# in donations monitor$/,
    );
    terminal.keys('O');
    await terminal.until(
      /silenced until[\s\S]*incident acknowledged by grace: failed of send_receipt/,
    );
  });

  it('shows within moments what somebody else does', async () => {
    const terminal = open(100, 30);
    await terminal.until(/fail(ed)? 5/);
    await runCli(['jobs', 'pause', 'tokenize_card', '--reason', 'wrong logo'], { env: system.env });
    await terminal.until(/tokenize_card is paused/);
    await runCli(['jobs', 'resume', 'tokenize_card'], { env: system.env });
    await terminal.until((text) => !/tokenize_card is paused/.test(text));
  });

  it('follows the size of the terminal', async () => {
    const terminal = open(140, 45);
    await terminal.until(/Oldest wait/);
    terminal.resize(60, 15);
    await terminal.until((text) => !/Oldest wait/.test(text) && /Tasks/.test(text));
    terminal.resize(40, 8);
    await terminal.until(/60x15 and more/);
    terminal.resize(120, 40);
    const screen = await terminal.until(/Oldest wait[\s\S]*Jobs by state/);
    for (const line of screen.split('\n').slice(0, -1))
      expect(line.length).toBeLessThanOrEqual(120);
    expect(screen).not.toContain('60x15');
  });

  it.each([
    ['Ctrl-C', (terminal: Tmux) => terminal.keys('C-c')],
    ['SIGTERM', (terminal: Tmux) => process.kill(terminal.pid(), 'SIGTERM')],
    ['SIGINT', (terminal: Tmux) => process.kill(terminal.pid(), 'SIGINT')],
    ['SIGHUP', (terminal: Tmux) => process.kill(terminal.pid(), 'SIGHUP')],
  ])('%s leaves the terminal as it was', async (_how, end) => {
    const terminal = open(80, 24);
    await terminal.until(/fail(ed)? 5/);
    end(terminal);
    isAsBefore(terminal, await terminal.until(/ended \d+/));
  });

  it('a crash leaves the terminal as it was, and its message readable', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'donations-crash-'));
    const script = join(folder, 'crash.mjs');
    await build({
      stdin: {
        contents: `import { Terminal } from './src/commands/monitor/terminal.ts';
          const { stdin, stdout } = process;
          const terminal = new Terminal({ stdin, stdout, onResize() {} });
          process.on('uncaughtException', (error) => { console.error('told:', error.message); process.exit(70); });
          stdin.setRawMode(true);
          terminal.enter();
          terminal.frames.write('the screen');
          stdin.once('data', () => { throw new Error('a bug'); });`,
        resolveDir: ROOT,
      },
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
    });
    tmux = new Tmux(
      `${process.execPath} ${script}; ${AFTERWARDS}`,
      { columns: 80, rows: 24 },
      { PATH: process.env.PATH, LANG: 'C.UTF-8' },
    );
    await tmux.until(/the screen/);
    tmux.keys('x');
    const screen = await tmux.until(/ended 70/);
    expect(screen).toContain('told: a bug');
    expect(screen).not.toContain('the screen');
    isAsBefore(tmux, screen);
    rmSync(folder, { recursive: true });
  });

  it('Ctrl-Z goes to the shell, and fg comes back', async () => {
    tmux = new Tmux(
      'bash --norc --noprofile',
      { columns: 90, rows: 24 },
      { ...system.env, PS1: '$ ' },
    );
    await tmux.until(/\$/);
    tmux.type(`${MONITOR}\n`);
    await tmux.until(/fail(ed)? 5/);
    tmux.keys('C-z');
    const shell = await tmux.until(/Stopped/);
    expect(shell).not.toContain('Throughput');
    expect(tmux.variable('cursor_flag')).toBe('1');
    tmux.type('fg\n');
    await tmux.until(/Throughput[\s\S]*quit/);
    tmux.keys('?');
    await tmux.until(/Esc closes/);
  });

  it('a role that can only read finds the changing keys off', async () => {
    await system.db.query(
      `do $$ begin create role monitor_viewer login password 'viewer'; exception when duplicate_object then null; end $$`,
    );
    await system.db.query(
      `grant usage on schema donations, graphile_worker to monitor_viewer;
       grant select on all tables in schema donations, graphile_worker to monitor_viewer`,
    );
    const url = new URL(system.env.DATABASE_URL as string);
    url.username = 'monitor_viewer';
    url.password = 'viewer';
    const terminal = open(100, 30, '', { DATABASE_URL: url.href });
    await terminal.until(/read-only[\s\S]*fail(ed)? 5/);
    terminal.keys('Down', 'r');
    await terminal.until(/the database role monitor_viewer can only read/);
    terminal.keys('I');
    await terminal.until(/Incidents, open and of 7 days/);
    terminal.keys('c');
    await terminal.until(/the database role monitor_viewer can only read/);
  });

  it('without UTF-8 writes ASCII only', async () => {
    const terminal = open(100, 30, '', { LANG: 'C' });
    const screen = await terminal.until(/fail(ed)? 5/);
    expect(screen).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

describe.skipIf(!hasTmux)('when Postgres goes away', () => {
  let dataDir: string;
  let env: NodeJS.ProcessEnv;
  let tmux: Tmux | undefined;
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'donations-monitor-'));
    await chmod(dataDir, 0o755);
    env = { PATH: process.env.PATH, HOME: dataDir, DONATIONS_DATA_DIR: dataDir, LANG: 'C.UTF-8' };
    await runCli(['db', 'start'], { env });
  });
  afterAll(async () => {
    tmux?.close();
    await runCli(['db', 'stop'], { env });
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('keeps the last frame, says STALE, and comes back by itself', async () => {
    tmux = new Tmux(`${MONITOR}; ${AFTERWARDS}`, { columns: 100, rows: 30 }, env);
    await tmux.until(/no worker runs/);
    await runCli(['db', 'stop'], { env });
    const stale = await tmux.until(/STALE[\s\S]*cannot be reached/);
    expect(stale).toContain('Tasks');
    tmux.keys('?');
    await tmux.until(/the database cannot be reached[\s\S]*Esc closes/);
    tmux.keys('Escape');
    await runCli(['db', 'start'], { env });
    await tmux.until((text) => !/STALE/.test(text) && /no worker runs/.test(text));
    tmux.keys('q');
    await tmux.until(/ended 0/);
  });
});
