import { pino } from 'pino';
import { Worker } from '../src/jobs/run-worker.ts';
import { systemClock } from '../src/lib/clock.ts';
import { sendgridGateway } from '../src/lib/providers/sendgrid.ts';
import { stripeGateway } from '../src/lib/providers/stripe.ts';
import { startPool } from '../src/lib/queue/run/pool.ts';
import { receiptMessage } from '../src/lib/receipts/message.ts';
import { loadTemplates, SAMPLE } from '../src/lib/receipts/templates.ts';
import { openStage, type Stage, seedReceipts } from './stage.ts';
import { median, printTable, verdict } from './table.ts';

const JOBS = 6000;
const ROUNDS = 5;
// At the lower one the wait for Postgres shows, at the higher one only the work.
const CONCURRENCIES = [24, 50];

/** Receipts a second, against a bare task that makes the same HTTP call and keeps no record. */
export async function bench(): Promise<void> {
  const stage = await openStage();
  try {
    let next = 1;
    const rows: string[][] = [];
    for (const concurrency of CONCURRENCIES) {
      const bare: number[] = [];
      const ours: number[] = [];
      // In turns, the first round to warm up.
      for (let round = 0; round <= ROUNDS; round++) {
        bare.push(await runBare(stage, concurrency));
        ours.push(await runOurs(stage, concurrency, next));
        next += JOBS;
      }
      const ratios = ours.map((rate, i) => rate / (bare[i] as number)).slice(1);
      rows.push([
        String(concurrency),
        median(bare.slice(1)).toFixed(0),
        median(ours.slice(1)).toFixed(0),
        concurrency === Math.max(...CONCURRENCIES)
          ? verdict(median(ratios), 0.7, 'at least')
          : median(ratios).toFixed(2),
      ]);
    }
    printTable(
      [
        'concurrency',
        'bare task, no record (receipts/s)',
        'donations worker (receipts/s)',
        'of bare',
      ],
      rows,
    );
  } finally {
    await stage.close();
  }
}

const mailOf = ({ sandboxUrl }: Stage) =>
  sendgridGateway({ apiKey: 'SG.sandbox', apiBase: sandboxUrl, timeoutMs: 15_000 });

async function runBare(stage: Stage, concurrency: number): Promise<number> {
  const mail = mailOf(stage);
  const message = receiptMessage({
    content: SAMPLE,
    templates: await loadTemplates(undefined),
    config: stage.config,
    recipient: 'ada@example.org',
    copy: false,
    ids: { receiptId: 'rcp_bench', donationId: 'don_bench', deliveryId: 'dlv_bench' },
  });
  await stage.db.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select row('bare', '{}'::json, null, now(), 25, null, 0, null)::graphile_worker.job_spec from generate_series(1, $1::int)))`,
    [JOBS],
  );
  const start = performance.now();
  const pool = await startPool(
    {
      databaseUrl: stage.databaseUrl,
      applicationName: 'bare',
      concurrency,
      tasks: {
        bare: async () => {
          await mail.send(message);
        },
      },
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

async function runOurs(stage: Stage, concurrency: number, from: number): Promise<number> {
  await seedReceipts(stage.db, from, JOBS);
  const worker = new Worker({
    db: stage.db,
    databaseUrl: stage.databaseUrl,
    payments: stripeGateway({
      secretKey: 'sk_test_sandbox',
      apiBase: stage.sandboxUrl,
      timeoutMs: 15_000,
    }),
    mail: mailOf(stage),
    templates: await loadTemplates(undefined),
    // Logged as in use, to nowhere.
    log: pino({ level: 'info' }, { write: () => {} }),
    clock: systemClock,
    config: stage.config,
    version: 'bench',
    concurrency,
    tasks: ['send_receipt'],
  });
  const start = performance.now();
  await worker.drain();
  const rate = (JOBS / (performance.now() - start)) * 1000;
  const { rows } = await stage.db.query<{ open: number }>(
    `select count(*)::int as open from donations.receipt_deliveries where status <> 'accepted'`,
  );
  if (rows[0]?.open !== 0) throw new Error(`${rows[0]?.open} receipts were not accepted`);
  return rate;
}
