import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { launcherPath } from '../src/lib/launcher.ts';
import { cpuMs } from './cpu.ts';
import { seedQueue } from './seed-queue.ts';
import { openStage, type Stage, seedReceipts } from './stage.ts';
import { median, printTable, verdict } from './table.ts';

const SCALE = Number(process.env.BENCH_SCALE ?? 1);
const SIZE = {
  ready: 1_000_000 * SCALE,
  failed: 100_000 * SCALE,
  attempts: 1_000_000 * SCALE,
};
/** How long each measurement takes; memory is looked at over as long as is asked for. */
const SECONDS = Number(process.env.BENCH_SECONDS ?? 30);
const MEMORY_MINUTES = Number(process.env.BENCH_MINUTES ?? 30);
const MANY = 10;
const CHANGES = 15;

/**
 * What monitors cost a database with a queue that has backed up, and what they show how soon: at rest,
 * and while a worker is at full speed. Each is a process on a terminal of its own (`script`).
 */
export async function bench(): Promise<void> {
  const stage = await openStage();
  try {
    await seedQueue(stage.db, SIZE);
    console.log(`${SIZE.ready} ready, ${SIZE.failed} failed, ${SIZE.attempts} attempts`);
    const rows: string[][] = [];
    const one = await measure(stage, 1);
    const many = await measure(stage, MANY);
    const worker = await startWorker(stage);
    const busyOne = await measure(stage, 1);
    const busyMany = await measure(stage, MANY);
    worker.kill('SIGKILL');
    for (const [name, cost] of [
      ['1 monitor, at rest', one],
      [`${MANY} monitors, at rest`, many],
      ['1 monitor, a worker at full speed', busyOne],
      [`${MANY} monitors, a worker at full speed`, busyMany],
    ] as const) {
      rows.push([
        name,
        percent(cost.database),
        percent(cost.monitor),
        `${(cost.bytes / 1000).toFixed(1)}`,
      ]);
    }
    printTable(
      ['', 'of a core, in Postgres', 'of a core, each monitor', 'kB/s written, each'],
      rows,
    );
    printTable(
      ['promise', 'measured'],
      [
        ['one monitor costs Postgres (% of a core)', verdict(busyOne.database * 100, 1, 'at most')],
        ['ten cost so many times one', verdict(busyMany.database / busyOne.database, 2, 'at most')],
      ],
    );
    await benchDelay(stage);
    await benchMemory(stage);
  } finally {
    await stage.close();
  }
}

const percent = (share: number) => `${(share * 100).toFixed(2)}%`;

/** A monitor on a terminal of 140 columns and 45 lines, whose screen is kept. */
class Watcher {
  bytes = 0;
  /** What was written lately. */
  screen = '';
  readonly #child: ChildProcess;
  #onData: () => void = () => {};

  constructor({ dataDir }: Stage) {
    const command = `stty cols 140 rows 45; exec ${process.execPath} ${launcherPath()} monitor`;
    this.#child = spawn('script', ['-qfec', command, '/dev/null'], {
      env: { PATH: process.env.PATH, DONATIONS_DATA_DIR: dataDir, LANG: 'C.UTF-8', TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.screen = (this.screen + chunk.toString()).slice(-50_000);
      this.#onData();
    });
  }

  async until(text: string): Promise<void> {
    while (!this.screen.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#onData = resolve;
      });
    }
  }

  /** The process that draws. */
  pid(): number {
    const own = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, 'utf8');
    return Number(own.trim().split(' ')[0]);
  }

  press(key: string): void {
    this.#child.stdin?.write(key);
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.press('\u0003');
    await ended;
  }
}

/** Adds up what the monitors' connections cost in Postgres: the pool closes those that rest, and opens others. */
class DatabaseCost {
  ms = 0;
  readonly #stage: Stage;
  #last = new Map<number, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async sample(): Promise<void> {
    const { rows } = await this.#stage.db.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name like 'donations monitor%'`,
    );
    const now = new Map(rows.map(({ pid }) => [pid, cpuMs(pid)]));
    for (const [pid, ms] of now) this.ms += Math.max(0, ms - (this.#last.get(pid) ?? 0));
    this.#last = now;
  }
}

async function measure(stage: Stage, count: number) {
  const watchers = Array.from({ length: count }, () => new Watcher(stage));
  await Promise.all(watchers.map((watcher) => watcher.until('Latest events')));
  await wait(5000);
  const database = new DatabaseCost(stage);
  await database.sample();
  const before = {
    database: database.ms,
    monitor: watchers.map((watcher) => cpuMs(watcher.pid())),
    bytes: watchers.map(({ bytes }) => bytes),
    at: performance.now(),
  };
  while (performance.now() < before.at + SECONDS * 1000) {
    await wait(500);
    await database.sample();
  }
  const ms = performance.now() - before.at;
  const sum = (now: number[], then: number[]) =>
    now.reduce((total, value, i) => total + value - (then[i] ?? 0), 0);
  const result = {
    database: (database.ms - before.database) / ms,
    monitor:
      sum(
        watchers.map((watcher) => cpuMs(watcher.pid())),
        before.monitor,
      ) /
      ms /
      count,
    bytes:
      (sum(
        watchers.map(({ bytes }) => bytes),
        before.bytes,
      ) /
        ms /
        count) *
      1000,
  };
  await Promise.all(watchers.map((watcher) => watcher.end()));
  return result;
}

/** A worker with receipts enough for as long as is measured. */
async function startWorker(stage: Stage): Promise<ChildProcess> {
  await seedReceipts(stage.db, 100_000_001, Math.max(2000, 60_000 * SCALE));
  return spawn(process.execPath, [launcherPath(), 'worker', 'start'], {
    env: { PATH: process.env.PATH, DONATIONS_DATA_DIR: stage.dataDir },
    stdio: 'ignore',
  });
}

/** From the commit of a pause to the screen. */
async function benchDelay(stage: Stage): Promise<void> {
  const watcher = new Watcher(stage);
  await watcher.until('Latest events');
  const delays: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    await wait(1500 + Math.random() * 1000);
    const mark = `mark${i}x`;
    const start = performance.now();
    await stage.db.query(
      `insert into donations.audit_log (id, actor, host, action)
       values ('aud_' || lpad($1, 26, '0'), $2, 'bench', 'jobs.pause')`,
      [String(i), mark],
    );
    await watcher.until(mark);
    delays.push(performance.now() - start);
  }
  await watcher.end();
  printTable(
    ['from a commit to the screen', 'ms'],
    [
      ['median', median(delays).toFixed(0)],
      ['slowest', `${verdict(Math.max(...delays) / 1000, 1, 'at most')} s`],
    ],
  );
}

async function benchMemory(stage: Stage): Promise<void> {
  const watcher = new Watcher(stage);
  await watcher.until('Latest events');
  const resident = () => {
    const status = readFileSync(`/proc/${watcher.pid()}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  };
  // Through all views again and again, so that a leak shows. The garbage collector makes memory swing
  // by a quarter within seconds, so the median of a minute is compared.
  const medianOver = async (minutes: number) => {
    const end = performance.now() + minutes * 60_000;
    const samples: number[] = [];
    while (performance.now() < end) {
      for (const key of ['5', 'E', 'W', 'A', '?', 'q', 'O', '\t', ']', '[']) {
        watcher.press(key);
        await wait(500);
        samples.push(resident());
      }
    }
    return median(samples);
  };
  const early = await medianOver(1);
  if (MEMORY_MINUTES > 2) await medianOver(MEMORY_MINUTES - 2);
  const late = await medianOver(1);
  await watcher.end();
  printTable(
    ['memory of a monitor (MB)', 'in the first minute', `in minute ${MEMORY_MINUTES}`],
    [['', early.toFixed(0), `${late.toFixed(0)}: ${verdict(late / early, 1.15, 'at most')}`]],
  );
}
