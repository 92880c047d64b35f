import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, openDb } from '../src/lib/db/database.ts';
import { prepareDatabase } from '../src/lib/db/prepare.ts';
import { launcherPath } from '../src/lib/launcher.ts';
import { benchClaims } from './claims.ts';
import { benchRetry } from './retry.ts';
import { seedQueue } from './seed-queue.ts';
import { openStage, type Stage } from './stage.ts';
import { median, printTable, verdict } from './table.ts';

const SCALE = Number(process.env.BENCH_SCALE ?? 1);
const SIZE = {
  ready: 1_000_000 * SCALE,
  failed: 100_000 * SCALE,
  attempts: 5_000_000 * SCALE,
};
const RUNS = 7;

const READS = [
  ['jobs', 'list', '--failed'],
  ['jobs', 'list', '--failed', '--error', 'timeout', '--since', '1h'],
  ['jobs', 'list', '--ready'],
  ['jobs', 'errors'],
  // The monitor's snapshot uses the same queries.
  ['jobs', 'stats'],
];

/** Measures the queue's commands at a million jobs against an empty database in the same run. */
export async function bench(): Promise<void> {
  const stage = await openStage();
  try {
    const empty = await anotherDatabase(stage, 'empty');
    const start = performance.now();
    await seedQueue(stage.db, SIZE);
    console.log(
      `${SIZE.ready} ready, ${SIZE.failed} failed, ${SIZE.attempts} attempts: seeded in ${((performance.now() - start) / 1000).toFixed(0)} s`,
    );
    await benchReads(stage, empty.url);
    await printPlans(stage);
    await benchRetry(stage, SIZE.failed);
    await benchClaims(await anotherDatabase(stage, 'claims'));
  } finally {
    await stage.close();
  }
}

/** Creates an empty, migrated database on the stage's server. */
async function anotherDatabase(stage: Stage, name: string): Promise<{ url: string; db: Db }> {
  await stage.db.query(`create database ${name}`);
  const url = stage.databaseUrl.replace(/\/[^/]*$/, `/${name}`);
  const db = openDb({ url, applicationName: 'donations bench' });
  await prepareDatabase(db, { url, mode: 'sandbox', migrateByItself: true });
  return { url, db };
}

async function benchReads(stage: Stage, emptyUrl: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'donations-bench-rss-'));
  const rows: string[][] = [];
  for (const args of READS) {
    const times = { empty: [] as number[], big: [] as number[] };
    const memory = { empty: 0, big: 0 };
    const before = await scans(stage.db);
    for (let run = 0; run <= RUNS; run++) {
      for (const [which, url] of [
        ['empty', emptyUrl],
        ['big', stage.databaseUrl],
      ] as const) {
        const { ms, megabytes } = runCommand(stage, url, args, join(folder, 'rss'));
        // The first round is a warm-up.
        if (run > 0) times[which].push(ms);
        memory[which] = Math.max(memory[which], megabytes);
      }
    }
    const scanned = changes(before, await scans(stage.db));
    const [of, big] = [median(times.empty), median(times.big)];
    rows.push([
      args.join(' '),
      of.toFixed(0),
      big.toFixed(0),
      verdict(big / of, 3, 'at most'),
      `${memory.empty} / ${memory.big}`,
      scanned.length > 0 ? scanned.join('\n') : 'none',
    ]);
  }
  rmSync(folder, { recursive: true });
  printTable(
    ['command', 'empty (ms)', 'big (ms)', 'times empty', 'memory (MB)', 'sequential scans'],
    rows,
  );
}

function runCommand({ dataDir }: Pick<Stage, 'dataDir'>, url: string, args: string[], rss: string) {
  // Written by the process itself when it ends.
  const hook = `data:text/javascript,import{writeFileSync}from'node:fs';process.on('exit',()=>writeFileSync(${JSON.stringify(rss)},String(process.resourceUsage().maxRSS)))`;
  const start = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', hook, launcherPath(), ...args, '--json'],
    {
      env: { PATH: process.env.PATH, DONATIONS_DATA_DIR: dataDir, DATABASE_URL: url },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    },
  );
  const ms = performance.now() - start;
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return { ms, megabytes: Math.round(Number(readFileSync(rss, 'utf8')) / 1024) };
}

/** Prints how each command reads the growing tables, according to Postgres's plans. */
async function printPlans({ db, dataDir, databaseUrl }: Stage): Promise<void> {
  const log = join(dataDir, 'postgres.log');
  await db.query(`alter database donations set session_preload_libraries = 'auto_explain'`);
  await db.query('alter database donations set auto_explain.log_min_duration = 0');
  const rows: string[][] = [];
  for (const args of READS) {
    const before = readFileSync(log, 'utf8').length;
    runCommand({ dataDir }, databaseUrl, args, '/dev/null');
    const scans = readFileSync(log, 'utf8')
      .slice(before)
      .matchAll(
        /->\s+((?:Parallel )?\S*.*?Scan.*? on \S*(?:_private_jobs|job_verdicts|job_attempts)\S*)/g,
      );
    // One partition of the ledger represents all.
    const told = [...scans].map(([, scan = '']) =>
      scan.replace(/_\d{8}/g, '').replace(/ on .*_default.*/, ''),
    );
    rows.push([args.join(' '), [...new Set(told)].join('\n')]);
  }
  await db.query('alter database donations reset session_preload_libraries');
  printTable(['command', 'scans in its plans'], rows);
}

/** The number of rows that sequential scans have read from the growing tables. */
async function scans(db: Db): Promise<Map<string, bigint>> {
  // Backends report their statistics when they end.
  await db.query('select pg_stat_force_next_flush(), pg_sleep(1.5)');
  const { rows } = await db.query<{ table: string; read: bigint }>(
    `select relname as table, coalesce(seq_tup_read, 0) as read from pg_stat_user_tables
     where relname in ('_private_jobs', 'job_verdicts') or relname like 'job\\_attempts\\_%'`,
  );
  return new Map(rows.map(({ table, read }) => [table, read]));
}

const changes = (before: Map<string, bigint>, after: Map<string, bigint>) =>
  [...after].flatMap(([table, read]) =>
    read > (before.get(table) ?? 0n) ? `${table}: ${read - (before.get(table) ?? 0n)} rows` : [],
  );
