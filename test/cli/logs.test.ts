import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Queryable } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import {
  type LoggedAttempt,
  parseLogFilter,
  readLatestAttempts,
  readNewAttempts,
} from '../../src/lib/queue/read/log.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground } from '../support/donate.ts';
import { startProxy } from '../support/proxy.ts';
import { addDonation } from '../support/records.ts';
import { gift, type System, startSystem } from '../support/system.ts';
import { hasTmux, Tmux } from '../tui/tmux.ts';

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

let lastJob = 900_000;
/** Adds an attempt to the ledger as a worker would. @returns its job. */
async function addAttempt(
  db: Queryable,
  { outcome = 'succeeded', task = 'send_receipt', donation, ageMs = 0 }: Partial<Recipe> = {},
): Promise<string> {
  lastJob += 1;
  await db.query(
    `insert into donations.job_attempts
       (job_id, task, attempt, donation_id, worker_id, started_at, latency_ms, duration_ms, outcome, error_message)
     values ($1, $2, 1, $3, $4, now() - make_interval(secs => $5::float8 / 1000), 10, 20, $6, $7)`,
    [
      lastJob,
      task,
      donation ?? null,
      newId('worker'),
      ageMs,
      outcome,
      outcome === 'succeeded' ? null : 'SendGrid refused it',
    ],
  );
  return String(lastJob);
}
interface Recipe {
  outcome: string;
  task: string;
  donation: string;
  ageMs: number;
}

interface Line {
  job: string;
  task: string;
  outcome: string;
  donation: string | null;
}

/** Runs `donations logs --follow`. */
function follow(env: NodeJS.ProcessEnv, ...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, [LAUNCHER, 'logs', '--follow', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  const lines: Line[] = [];
  let said = '';
  let wake = () => {};
  const hear = (stream: NodeJS.ReadableStream | null, on: (line: string) => void) =>
    stream &&
    createInterface({ input: stream }).on('line', (line) => {
      on(line);
      wake();
    });
  hear(child.stdout, (line) => lines.push(JSON.parse(line)));
  hear(child.stderr, (line) => {
    said += `${line}\n`;
  });
  return {
    lines,
    async until(condition: (lines: Line[], said: string) => boolean) {
      while (!condition(lines, said)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async stop() {
      child.kill('SIGINT');
      return (await ended)[0];
    },
  };
}

describe('logs', () => {
  it('lists the latest attempts that a filter selects, oldest first', async () => {
    const donation = await addDonation(system.db);
    const old = await addAttempt(system.db, { donation, ageMs: 7_200_000 });
    const bad = await addAttempt(system.db, { donation, outcome: 'held' });
    const good = await addAttempt(system.db, { donation, task: 'tokenize_card' });
    const jobs = async (...args: string[]) => {
      const { stdout, stderr, code } = await runCli(
        ['logs', '--donation', donation, '--json=job', ...args],
        { env: system.env },
      );
      return { jobs: JSON.parse(stdout || '[]').map(({ job }: Line) => job), stderr, code };
    };
    expect((await jobs()).jobs).toEqual([old, bad, good]);
    expect((await jobs('--since', '1h')).jobs).toEqual([bad, good]);
    expect((await jobs('--outcome', 'held,failed')).jobs).toEqual([bad]);
    expect((await jobs('--task', 'tokenize_card')).jobs).toEqual([good]);
    expect((await jobs('error:~refused')).jobs).toEqual([bad]);
    const latest = await jobs('--limit', '1');
    expect(latest.jobs).toEqual([good]);
    expect(latest.stderr).toContain('1 of 3 attempts.');
    expect((await jobs('--task', 'send_recipt')).code).toBe(2);
    expect((await jobs('--outcome', 'broken')).stderr).toContain('succeeded declined');
  });

  it('follows what a worker does, and ends at Ctrl-C', async () => {
    const log = follow(system.env, 'task:charge_card,settle_donation');
    const donation = await donateInBackground(system.deps, gift());
    const worker = system.startWorker();
    await log.until((lines) => lines.some((line) => line.donation === donation));
    const line = log.lines.find((each) => each.donation === donation);
    expect(line).toMatchObject({ task: 'charge_card', outcome: 'succeeded' });
    expect(await log.stop()).toBe(0);
    await worker.stop();
  });

  it('goes on after the connection was lost, with what was recorded meanwhile', async () => {
    const proxy = await startProxy(system.env.DATABASE_URL as string);
    const log = follow(
      { ...system.env, DATABASE_URL: proxy.url },
      '--limit=1',
      'task:tokenize_card',
    );
    const first = await addAttempt(system.db, { task: 'tokenize_card' });
    await log.until((lines) => lines.at(-1)?.job === first);
    proxy.cut();
    await log.until((_, said) => said.includes('connection to the database is lost'));
    const meanwhile = await addAttempt(system.db, { task: 'tokenize_card' });
    proxy.heal();
    await log.until((lines) => lines.at(-1)?.job === meanwhile);
    expect(log.lines.filter(({ job }) => job === first)).toHaveLength(1);
    await log.until((_, said) => said.includes('works again'));
    expect(await log.stop()).toBe(0);
    await proxy.close();
  });

  it('refuses a format that has an end', async () => {
    const { code, stderr } = await runCli(['logs', '--follow', '--output', 'csv'], {
      env: system.env,
    });
    expect(code).toBe(2);
    expect(stderr).toContain('NDJSON');
  });

  it.skipIf(!hasTmux)('is a table on a terminal, to which rows are added', async () => {
    await addAttempt(system.db, { ageMs: 1000 });
    const screen = new Tmux(
      `${process.execPath} ${LAUNCHER} logs --follow --limit 2; sleep 60`,
      { columns: 100, rows: 30 },
      system.env,
    );
    try {
      await screen.until((text) => /TIME +TASK +OUTCOME/.test(text));
      const job = await addAttempt(system.db, { outcome: 'failed' });
      await screen.until((text) =>
        new RegExp(`send_receipt +✕ failed .*${job} .*SendGrid refused it`).test(text),
      );
      expect(screen.screen().match(/TIME/g)).toHaveLength(1);
      expect(screen.screen()).toMatch(/^\d{4}-\d\d-\d\d, times of /m);
    } finally {
      screen.close();
    }
  });
});

describe('the reader of the ledger', () => {
  it('misses no attempt that commits after later ones, and passes none on twice', async () => {
    const { db } = system;
    const filter = parseLogFilter('task:settle_donation');
    const snapshot = 'set transaction isolation level repeatable read';
    let { place } = await db.transaction(async (tx) => {
      await tx.query(snapshot);
      return readLatestAttempts(tx, filter, { limit: 1 });
    });
    const read = () =>
      db.transaction(async (tx) => {
        await tx.query(snapshot);
        const found: LoggedAttempt[] = [];
        place = await readNewAttempts(tx, filter, place, (attempts) => found.push(...attempts));
        return found.map(({ job, outcome }) => `${job} ${outcome}`);
      });
    const task = 'settle_donation';
    let slow = '';
    let quick = '';
    await db.transaction(async (tx) => {
      slow = await addAttempt(tx, { task, outcome: 'abandoned' });
      quick = await addAttempt(db, { task });
      expect(await read()).toEqual([`${quick} succeeded`]);
    });
    expect(await read()).toEqual([`${slow} abandoned`]);
    expect(await read()).toEqual([]);
    await db.query(`update donations.job_attempts set outcome = 'held' where job_id = $1`, [slow]);
    expect(await read()).toEqual([`${slow} held`]);
  });

  it('reads in pages', async () => {
    const { db } = system;
    const filter = parseLogFilter('task:paged');
    const { place } = await db.transaction((tx) =>
      readLatestAttempts(tx, parseLogFilter('task:send_receipt'), { limit: 1 }),
    );
    await db.query(
      `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
       select n, 'paged', 1, now(), 1, 1, 'succeeded' from generate_series(1, 2500) n`,
    );
    const pages: number[] = [];
    await db.transaction((tx) =>
      readNewAttempts(tx, filter, place, (attempts) => pages.push(attempts.length)),
    );
    expect(pages).toEqual([1000, 1000, 500]);
  });
});
