import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { launcherPath } from '../src/lib/launcher.ts';
import type { Stage } from './stage.ts';
import { printTable, verdict } from './table.ts';

const ROUNDS = 2;

/** Measures `jobs retry --failed` while a worker runs, against one bare update of the same rows. */
export async function benchRetry(
  { db, dataDir, databaseUrl }: Stage,
  failed: number,
): Promise<void> {
  const env = { PATH: process.env.PATH, DONATIONS_DATA_DIR: dataDir, DATABASE_URL: databaseUrl };
  const { rows } = await db.query<{ id: bigint }>(
    'select job_id as id from donations.job_verdicts where decision = $1',
    ['fail'],
  );
  const ids = rows.map(({ id }) => id);
  await db.query('create table donations.kept as select * from donations.job_verdicts');
  const worker = spawn(
    process.execPath,
    // A live worker that does not run the retried jobs.
    [launcherPath(), 'worker', 'start', '--tasks', 'settle_donation'],
    { env, stdio: 'ignore' },
  );
  const results: string[][] = [];
  // In one transaction; otherwise the worker would adopt the jobs as failed by others.
  const failAgain = async () => {
    await db.query(
      `with verdicts as (
         insert into donations.job_verdicts select * from donations.kept on conflict do nothing
       )
       update graphile_worker._private_jobs j set attempts = max_attempts, updated_at = k.decided_at
       from donations.kept k where k.job_id = j.id`,
    );
    await db.query('vacuum analyze graphile_worker._private_jobs');
    await db.query('vacuum analyze donations.job_verdicts');
  };
  for (let round = 0; round < ROUNDS; round++) {
    const bareStart = performance.now();
    await db.query(
      `update graphile_worker._private_jobs set attempts = 0, run_at = now(), updated_at = now()
       where id = any ($1::bigint[])`,
      [ids],
    );
    const bare = performance.now() - bareStart;
    await failAgain();
    const start = performance.now();
    const { status, stderr } = spawnSync(
      process.execPath,
      [launcherPath(), 'jobs', 'retry', '--failed', '--yes'],
      { env, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const ours = performance.now() - start;
    if (status !== 0) throw new Error(`jobs retry ended with ${status}: ${stderr}`);
    const rate = (ms: number) => ((failed / ms) * 1000).toFixed(0);
    results.push([rate(bare), rate(ours), verdict(bare / ours, 0.5, 'at least')]);
    await failAgain();
  }
  worker.kill('SIGTERM');
  await once(worker, 'exit');
  printTable(
    ['bare update (jobs/s)', 'jobs retry --failed, whole process (jobs/s)', 'of bare'],
    results,
  );
}
