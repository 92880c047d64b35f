import type { Db } from '../src/lib/db/database.ts';
import { QUEUE_INDEXES } from '../src/lib/db/queue-indexes.ts';
import { startPool } from '../src/lib/queue/run/pool.ts';
import { median, printTable, verdict } from './table.ts';

const JOBS = 30_000;
const ROUNDS = 5;
const CONCURRENCY = 24;

/**
 * Measures how fast a worker claims and completes jobs that do nothing, with our indexes on its
 * table and without.
 */
export async function benchClaims({ url, db }: { url: string; db: Db }): Promise<void> {
  const rates: { with: number[]; without: number[] } = { with: [], without: [] };
  // Alternately, so that a noisy moment affects both; the first round is a warm-up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const kind of ['with', 'without'] as const) {
      if (kind === 'without')
        for (const { name } of QUEUE_INDEXES) await db.query(`drop index graphile_worker.${name}`);
      const rate = await run(url, db);
      if (round > 0) rates[kind].push(rate);
      if (kind === 'without')
        for (const { name, on } of QUEUE_INDEXES) await db.query(`create index ${name} on ${on}`);
    }
  }
  const ratios = rates.with.map((rate, i) => rate / (rates.without[i] as number));
  printTable(
    ['claims without our indexes (jobs/s)', 'with them (jobs/s)', 'of without'],
    [
      [
        median(rates.without).toFixed(0),
        median(rates.with).toFixed(0),
        verdict(median(ratios), 0.9, 'at least'),
      ],
    ],
  );
  await db.close();
}

async function run(url: string, db: Db): Promise<number> {
  await db.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select row('bare', '{}'::json, null, now(), 25, null, 0, null)::graphile_worker.job_spec
       from generate_series(1, $1::int)))`,
    [JOBS],
  );
  await db.query('vacuum analyze graphile_worker._private_jobs');
  const start = performance.now();
  const pool = await startPool(
    {
      databaseUrl: url,
      applicationName: 'bench claims',
      concurrency: CONCURRENCY,
      tasks: { bare: async () => {} },
      crontab: [],
      forbiddenFlags: () => null,
      onPool: async () => {},
      onTrouble: (_level, text) => console.error(text),
    },
    { once: true },
  );
  await pool.ended;
  return (JOBS / (performance.now() - start)) * 1000;
}
