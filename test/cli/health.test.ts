import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { buildProgram } from '../../src/commands/program.ts';
import { KIND_NAMES } from '../../src/lib/health/rule-kinds.ts';
import { commandsFor } from '../../src/lib/health/words.ts';
import { processIo } from '../../src/lib/output/io.ts';
import { type Inbox, startInbox } from '../alerts/harness.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground, donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
let inbox: Inbox;
beforeEach(async () => {
  inbox = await startInbox();
  const routes = [
    { name: 'ops', via: 'webhook', url: `${inbox.url}/hunter2`, secret: 'hunter2hunter2hunter2' },
    { name: 'board', via: 'webhook', url: inbox.url, audience: 'business' },
  ];
  system = await startSystem({
    DONATIONS_ACTOR: 'grace',
    DONATIONS_ALERTS_ROUTES: JSON.stringify(routes),
  });
});
afterEach(async () => {
  await system.close();
  await inbox.close();
});

const cli = (...args: string[]) => runCli(args, { env: system.env });
const fail = (errorClass?: string) =>
  addJob(system.db, { state: 'failed', ...(errorClass ? { errorClass } : {}) });

describe('donations health', () => {
  it('says in one line and an exit code how things are, without a worker', async () => {
    expect(await cli('health')).toMatchObject({ code: 0, stdout: '● ok: all is well\n' });
    expect(await cli('health', '--nagios')).toMatchObject({
      code: 0,
      stdout: 'DONATIONS OK - all is well | warnings=0 criticals=0\n',
    });
    await fail();
    expect(await cli('health')).toMatchObject({
      code: 1,
      stdout: '▲ warning: send_receipt 1 failed\n',
    });
    for (let i = 0; i < 3; i++) await addJob(system.db, { task: 'charge_card', ageMs: 600_000 });
    const { code, stdout } = await cli('health', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'critical',
      reasons: expect.arrayContaining([
        expect.objectContaining({ level: 'critical', rule: 'wait', subject: 'charge_card' }),
        expect.objectContaining({ level: 'critical', rule: 'workers' }),
      ]),
    });
  });

  it('is unknown within five seconds when the database does not answer', async () => {
    // Takes connections and says nothing.
    const silent = createServer((socket) => void socket.resume().on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const env = {
      ...system.env,
      DATABASE_URL: `postgres://nobody:hunter2@127.0.0.1:${port}/nothing`,
    };
    const { code, stdout } = await runCli(['health', '--nagios'], { env });
    expect(code).toBe(3);
    expect(stdout).toBe('DONATIONS UNKNOWN - Postgres did not answer within 4 s\n');
    await new Promise((resolve) => silent.close(resolve));
    const refused = await runCli(['health'], { env });
    expect(refused.code).toBe(3);
    expect(refused.stdout).toMatch(/^\? unknown: Postgres at .* cannot be reached/);
    expect(refused.stdout + refused.stderr).not.toContain('hunter2');
  });

  it('starts no database', async () => {
    const { DATABASE_URL: _, ...env } = system.env;
    expect(await runCli(['health'], { env })).toMatchObject({
      code: 3,
      stdout: '? unknown: the embedded database does not run: donations db start\n',
    });
  });
});

describe('donations alerts', () => {
  it('are told by workers, shown, acknowledged, and told to be over', async () => {
    await donateInBackground(system.deps, gift());
    const [failed] = (
      await system.db.query<{ donation: string }>('select id as donation from donations.donations')
    ).rows;
    await addJob(system.db, {
      state: 'failed',
      task: 'tokenize_card',
      payload: { donation_id: failed?.donation },
      error: 'No such PaymentMethod',
    });
    const workers = [0, 1, 2].map(() => system.startWorker());
    await Promise.all(workers.map((worker) => worker.until(() => inbox.requests.length >= 2)));
    const told = inbox.requests.map(({ body }) => JSON.parse(body));
    expect(told.map(({ audience, alerts }) => [audience, alerts.length]).sort()).toEqual([
      ['business', 1],
      ['operators', 1],
    ]);
    const of = (audience: string) => told.find((each) => each.audience === audience);
    expect(of('operators').text).toContain('cause: No such PaymentMethod');
    expect(of('operators').text).toContain('affected: 1 job, 1 donor, $50.00 USD');
    expect(of('business').text).toMatch(
      /^1 donor \(\$50\.00 USD in gifts\) did not get their card to be saved/,
    );

    const list = await cli('alerts', 'list', '--json');
    const [incident] = JSON.parse(list.stdout);
    expect(incident).toMatchObject({ rule: 'failed', status: 'open', donor_count: 1 });
    expect(await cli('alerts', 'ack', incident.incident, '--reason', 'on it')).toMatchObject({
      code: 0,
    });
    expect((await cli('health')).stdout).toContain(
      'tokenize_card 1 failed (acknowledged by grace)',
    );
    const shown = await cli('alerts', 'show', incident.incident);
    expect(shown.stdout).toContain('acknowledged by grace: on it');
    expect(shown.stdout).toMatch(/alert to ops: opened, sent at/);
    expect((await cli('audit', 'list', '--json')).stdout).toContain('alerts.ack');

    await system.db.query('delete from donations.job_verdicts');
    await system.db.query(
      'select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs where locked_at is null',
    );
    await workers[0]?.until(() => inbox.requests.length >= 4);
    expect(inbox.requests.slice(2).map(({ body }) => JSON.parse(body).alerts[0].event)).toEqual([
      'recovered',
      'recovered',
    ]);
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(workers.map(({ output }) => output).join()).not.toContain('hunter2');
    const config = await cli('config', 'show', '--json');
    expect(config.stdout).not.toContain('hunter2');
  });

  it('are told by a check where no worker is, and silenced', async () => {
    await fail();
    expect(
      await cli('alerts', 'silence', '--rule', 'failed', '--for', '1h', '--reason', 'moving'),
    ).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Silenced until .*: rule failed\.\n$/),
    });
    expect((await cli('alerts', 'check')).stderr).toBe('No alert is due.\n');
    expect((await cli('alerts', 'list')).stderr).toMatch(
      /Silenced by grace: rule failed, ends in (1h|60m): moving/,
    );
    expect(await cli('health')).toMatchObject({
      code: 1,
      stdout: '▲ warning: send_receipt 1 failed (silenced)\n',
    });
    expect((await cli('alerts', 'silence', '--rule', 'failed', '--end')).stdout).toBe(
      'Alerts are sent again: rule failed.\n',
    );
    const checked = await cli('alerts', 'check', '--json=route,alert_count');
    expect(JSON.parse(checked.stdout)).toHaveLength(2);
    expect(await cli('alerts', 'silence', '--rule', 'nothing', '--for', '1h')).toMatchObject({
      code: 2,
    });
    expect(await cli('alerts', 'silence', '--rule', 'failed')).toMatchObject({ code: 2 });
    expect(await cli('alerts', 'silence', '--task', 'send_reciept', '--for', '1h')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no task "send_reciept"'),
    });
  });

  it('tests a route, and tells what went wrong without its secrets', async () => {
    expect(await cli('alerts', 'test', 'ops')).toMatchObject({
      code: 0,
      stdout: 'Route ops (webhook) took it.\n',
    });
    expect(JSON.parse(inbox.requests[0]?.body ?? '')).toMatchObject({
      alerts: [{ event: 'test' }],
    });
    inbox.answer = 500;
    const { code, stderr } = await cli('alerts', 'test', 'ops');
    expect(code).toBe(1);
    expect(stderr).toMatch(/route ops did not take the test: answered 500/);
    expect(stderr).not.toContain('hunter2');
    expect((await cli('alerts', 'test', 'nowhere')).stderr).toContain('Routes: ops, board');
  });

  it('show every rule with its present value', async () => {
    await fail();
    const rows = JSON.parse(
      (await cli('alerts', 'rules', '--json=rule,value,warning,level')).stdout,
    );
    expect(rows).toContainEqual({ rule: 'failed', value: 1, warning: 1, level: 'warning' });
    expect(rows.length).toBeGreaterThan(14);
  });
});

describe('donations report --daily', () => {
  it('tells a day in plain words and for a script', async () => {
    const { id } = await donateNow(system.deps, gift());
    await addJob(system.db, { state: 'held', payload: { donation_id: id } });
    const { rows } = await system.db.query<{ day: string }>(
      `select (now() at time zone 'utc')::date::text as day`,
    );
    const day = rows[0]?.day ?? '';
    const { code, stdout } = await cli('report', '--daily', '--day', day);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `SANDBOX: Harbor Lights Foundation, ${day}`,
      '1 gift, $50.00 USD; 0 gifts declined.',
      '0 receipts sent.',
      'Nothing of that day has failed for good.',
      'No disturbances.',
      'Open now: 1 mail or task held for a decision.',
      '',
    ]);
    const json = JSON.parse(
      (await cli('report', '--daily', '--json=day,gift_count,amounts')).stdout,
    );
    expect(json).toMatchObject({ gift_count: 0, amounts: [] });
    expect(json.day < day).toBe(true);
    expect(await cli('report', '--daily', '--day', '2026-02-30')).toMatchObject({ code: 2 });
    expect(await cli('report')).toMatchObject({ code: 2 });
  });
});

it('every command that an alert names is one', async () => {
  const io = processIo({ color: false });
  const context = createContext({
    io,
    version: 'test',
    args: [],
    signal: new AbortController().signal,
  });
  const program = await buildProgram(context);
  for (const kind of KIND_NAMES) {
    for (const line of commandsFor(kind, 'send_receipt')) {
      const [, ...words] = line.split(' ');
      let at = program;
      for (;;) {
        const next = at.commands.find((each) => each.name() === words[0]);
        if (!next) break;
        at = next;
        words.shift();
      }
      expect(at, line).not.toBe(program);
      expect(at.commands, line).toEqual([]);
      for (const option of words.filter((word) => word.startsWith('--') && word !== '--help'))
        expect(
          at.options.map(({ long }) => long),
          line,
        ).toContain(option);
    }
  }
});
