import { spawn, spawnSync } from 'node:child_process';
import { launcherPath } from '../src/lib/launcher.ts';
import { openStage, seedReceipts } from './stage.ts';
import { median, printTable, verdict } from './table.ts';

const JOBS = 50_000;
const STEP = 10_000;
// Single readings swing, because garbage is collected now and then.
const READ_EVERY = 500;

/** Measures the resident memory of a worker over 50,000 jobs: the median of each 10,000. */
export async function bench(): Promise<void> {
  const stage = await openStage();
  const samples: [jobs: number, megabytes: number][] = [];
  let readings: number[] = [];
  try {
    await seedReceipts(stage.db, 1, JOBS);
    const worker = spawn(
      process.execPath,
      [launcherPath(), 'worker', 'start', '--concurrency', '24'],
      {
        env: {
          PATH: process.env.PATH,
          DONATIONS_DATA_DIR: stage.dataDir,
          DONATIONS_LOG_LEVEL: 'info',
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let done = 0;
    await new Promise<void>((resolve, reject) => {
      worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
      worker.stderr.on('data', (chunk: Buffer) => {
        for (const byte of chunk) {
          // Each line of the log is a job.
          if (byte !== 10) continue;
          done += 1;
          if (done % READ_EVERY === 0) readings.push(residentMegabytes(worker.pid as number));
          if (done % STEP === 0) {
            samples.push([done, median(readings)]);
            readings = [];
          }
          if (done === JOBS) resolve();
        }
      });
    });
    worker.removeAllListeners('exit');
    worker.kill('SIGTERM');
    await new Promise((resolve) => worker.once('exit', resolve));
  } finally {
    await stage.close();
  }
  const first = samples[0]?.[1] ?? Number.NaN;
  printTable(
    ['jobs', 'resident memory (MB)', `against ${STEP} jobs`],
    samples.map(([jobs, megabytes], i) => [
      jobs,
      megabytes.toFixed(0),
      i === samples.length - 1
        ? verdict(megabytes / first, 1.15, 'at most')
        : (megabytes / first).toFixed(2),
    ]),
  );
}

function residentMegabytes(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Number(stdout.trim()) / 1024;
}
