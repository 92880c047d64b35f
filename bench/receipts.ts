import { spawnSync } from 'node:child_process';
import { launcherPath } from '../src/lib/launcher.ts';
import { createPdfMaker } from '../src/lib/receipts/make-pdf.ts';
import { renderReceipt } from '../src/lib/receipts/message.ts';
import { loadTemplates, SAMPLE } from '../src/lib/receipts/templates.ts';
import { openStage, type Stage, seedReceipts } from './stage.ts';
import { median, printTable, verdict } from './table.ts';

const RENDERS = 20_000;
const PDFS = 300;
const REPLAYED = Number(process.env.BENCH_RECEIPTS ?? 100_000);
const ROUNDS = 3;

/** How fast receipts are written, and how fast those that failed are enqueued again. */
export async function bench(): Promise<void> {
  await benchRendering();
  const stage = await openStage();
  try {
    await benchReplay(stage);
  } finally {
    await stage.close();
  }
}

async function benchRendering(): Promise<void> {
  const templates = await loadTemplates(undefined);
  const render = () => renderReceipt(SAMPLE, templates, { copy: false });
  for (let i = 0; i < 1000; i++) render();
  const start = performance.now();
  for (let i = 0; i < RENDERS; i++) render();
  const rate = (RENDERS / (performance.now() - start)) * 1000;
  const pdf = createPdfMaker(templates.format);
  const draw = () => pdf([{ content: SAMPLE, copy: false }]);
  for (let i = 0; i < 20; i++) await draw();
  const drawn = performance.now();
  for (let i = 0; i < PDFS; i++) await draw();
  const pdfRate = (PDFS / (performance.now() - drawn)) * 1000;
  printTable(
    ['receipts written (subject, HTML, text) a second on one core', 'as PDF'],
    [[rate.toFixed(0), pdfRate.toFixed(0)]],
  );
}

/** `receipts replay`, the whole process, against `add_jobs` with the same payloads. */
async function benchReplay({ db, dataDir, databaseUrl }: Stage): Promise<void> {
  const env = { PATH: process.env.PATH, DONATIONS_DATA_DIR: dataDir, DATABASE_URL: databaseUrl };
  await seedReceipts(db, 1, REPLAYED);
  const clear = () =>
    db.query(
      `select count(*) from graphile_worker.complete_jobs(array(select id from graphile_worker._private_jobs))`,
    );
  const rate = (ms: number) => ((REPLAYED / ms) * 1000).toFixed(0);
  const results: string[][] = [];
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await clear();
    const bareStart = performance.now();
    await db.query(
      `select count(*) from graphile_worker.add_jobs(array(
         select row('send_receipt', json_build_object('donation_id', c.donation_id, 'delivery_id', d.id),
           null, now(), 25, 'send:' || d.id, 0, array['task:send_receipt'])::graphile_worker.job_spec
         from donations.receipt_deliveries d
         join donations.receipt_donations c on c.receipt_id = d.receipt_id))`,
    );
    const bare = performance.now() - bareStart;
    await clear();
    await db.query(
      `update donations.receipt_deliveries set status = 'failed', reason = 'a bench', job_id = null`,
    );
    await db.query('vacuum analyze donations.receipt_deliveries');
    await db.query('vacuum analyze graphile_worker._private_jobs');
    const start = performance.now();
    const { status, stderr } = spawnSync(
      process.execPath,
      [launcherPath(), 'receipts', 'replay', '--failed', '--yes'],
      { env, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const ours = performance.now() - start;
    if (status !== 0) throw new Error(`receipts replay ended with ${status}: ${stderr}`);
    ratios.push(bare / ours);
    results.push([rate(bare), rate(ours), (bare / ours).toFixed(2)]);
  }
  results.push(['', 'median', verdict(median(ratios), 0.5, 'at least')]);
  printTable(
    ['add_jobs (jobs/s)', 'receipts replay --failed, whole process (receipts/s)', 'of bare'],
    results,
  );
}
