import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { evaluate } from '../src/lib/alerts/evaluate.ts';
import { openDb } from '../src/lib/db/database.ts';
import { observe } from '../src/lib/health/observe.ts';
import { resolveRules } from '../src/lib/health/rule-settings.ts';
import { launcherPath } from '../src/lib/launcher.ts';
import { cpuMs } from './cpu.ts';
import { seedQueue } from './seed-queue.ts';
import { openStage, type Stage } from './stage.ts';
import { median, printTable, verdict } from './table.ts';

const SCALE = Number(process.env.BENCH_SCALE ?? 1);
const SIZE = {
  ready: 1_000_000 * SCALE,
  failed: 100_000 * SCALE,
  attempts: 1_000_000 * SCALE,
};
const RUNS = 7;
/** Workers evaluate as often. */
const EVERY_MS = 10_000;
const SCRAPERS = 50;
const SCRAPE_MS = 1000;
/** Twice the time between evaluations, so that each measurement has as many. */
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);

/**
 * What the health rules cost at a million jobs: each look, and a whole evaluation with its incidents. Then
 * what `/metrics` costs the worker and Postgres while many scrape it.
 */
export async function bench(): Promise<void> {
  const stage = await openStage();
  try {
    await seedQueue(stage.db, SIZE);
    console.log(`${SIZE.ready} ready, ${SIZE.failed} failed, ${SIZE.attempts} attempts`);
    await benchEvaluation(stage);
    await benchScrapes(stage);
  } finally {
    await stage.close();
  }
}

const filtered = {
  ...{ name: 'timeouts', kind: 'failed' as const, filter: 'error:~timeout', warning: 10 },
};

async function benchEvaluation({ databaseUrl, dataDir }: Stage): Promise<void> {
  // One connection, whose process is the only one that does the work.
  const db = openDb({ url: databaseUrl, applicationName: 'donations bench', poolSize: 1 });
  const rules = resolveRules([filtered]);
  const rows: string[][] = [];
  for (const rule of rules) {
    const times = await repeat(() => observe(db, { rules: [rule], withinMs: 60_000, dataDir }));
    rows.push([rule.name, median(times).toFixed(1)]);
  }
  rows.sort(([, a], [, b]) => Number(b) - Number(a));
  const { rows: backend } = await db.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = backend[0]?.pid ?? 0;
  const options = { rules, routes: [], timeZone: 'UTC', dataDir };
  const before = cpuMs(pid);
  const times = await repeat(async () => {
    const judged = await evaluate(db, options);
    if (!judged?.some(({ level }) => level === 'critical')) throw new Error('nothing is wrong');
  });
  const cpu = (cpuMs(pid) - before) / (RUNS + 1);
  await db.close();
  printTable(['rule', 'a look (ms)'], rows);
  printTable(
    ['evaluation of all rules', 'measured'],
    [
      ['median (ms)', median(times).toFixed(0)],
      ['slowest (ms)', Math.max(...times).toFixed(0)],
      ['share of a core, in Postgres (%)', verdict((cpu / EVERY_MS) * 100, 5, 'at most')],
      ['seconds, of the 10 until the next', verdict(Math.max(...times) / 1000, 2, 'at most')],
    ],
  );
}

/** The durations of some runs in milliseconds, without a first one to warm up. */
async function repeat(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const start = performance.now();
    await work();
    if (run > 0) times.push(performance.now() - start);
  }
  return times;
}

/** A worker that has no jobs of its task, so that its metrics are all that it does. */
async function benchScrapes({ db, dataDir }: Stage): Promise<void> {
  const worker = spawn(
    process.execPath,
    [launcherPath(), 'worker', 'start', '--tasks', 'settle_donation', '--metrics-port', '0'],
    {
      env: { PATH: process.env.PATH, DONATIONS_DATA_DIR: dataDir },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const url = await metricsUrl(worker);
  // Until its first evaluation and sample are done.
  await wait(5000);
  const idle = await underScrapes(worker, db, undefined);
  const scraped = await underScrapes(worker, db, url);
  worker.kill('SIGKILL');
  printTable(
    [`/metrics, ${SCRAPERS} scrapers, each once a second`, 'measured'],
    [
      ['scrapes', scraped.times.length],
      ['median (ms)', median(scraped.times).toFixed(1)],
      ['slowest (s)', verdict(Math.max(...scraped.times) / 1000, 1, 'at most')],
      ['worker: more of a core (%)', verdict((scraped.worker - idle.worker) * 100, 50, 'at most')],
      [
        'Postgres: more of a core (%)',
        verdict((scraped.database - idle.database) * 100, 5, 'at most'),
      ],
    ],
  );
}

function metricsUrl(worker: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
    if (!worker.stderr) return;
    createInterface({ input: worker.stderr }).on('line', (line) => {
      const [, url] = /"url":"([^"]+\/metrics)"/.exec(line) ?? [];
      if (url) resolve(url);
    });
  });
}

async function underScrapes(worker: ChildProcess, db: Stage['db'], url: string | undefined) {
  const { rows: backends } = await db.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name like 'donations worker%'`,
  );
  const cpu = () => ({
    worker: cpuMs(worker.pid ?? 0),
    database: backends.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
  });
  const times: number[] = [];
  const scrape = async (nth: number) => {
    await wait((SCRAPE_MS * nth) / SCRAPERS);
    for (let second = 0; second < SECONDS; second++) {
      const start = performance.now();
      if (url) {
        const response = await fetch(url);
        if (!(await response.text()).includes('\ndonations_queue_up 1\n'))
          throw new Error('the queue was not read');
        times.push(performance.now() - start);
      }
      await wait(Math.max(0, SCRAPE_MS - (performance.now() - start)));
    }
  };
  const [before, began] = [cpu(), performance.now()];
  await Promise.all(Array.from({ length: SCRAPERS }, (_, nth) => scrape(nth)));
  const [after, ms] = [cpu(), performance.now() - began];
  return {
    times,
    worker: (after.worker - before.worker) / ms,
    database: (after.database - before.database) / ms,
  };
}
