import { Agent } from 'node:http';
import sendgridClient from '@sendgrid/client';
import sendgridMail from '@sendgrid/mail';
import { pino } from 'pino';
import { Worker } from '../src/jobs/run-worker.ts';
import { systemClock } from '../src/lib/clock.ts';
import type { MailGateway } from '../src/lib/providers/mail.ts';
import { sendgridGateway } from '../src/lib/providers/sendgrid.ts';
import { stripeGateway } from '../src/lib/providers/stripe.ts';
import { startPool } from '../src/lib/queue/run/pool.ts';
import { receiptMessage } from '../src/lib/receipts/message.ts';
import { loadTemplates, SAMPLE } from '../src/lib/receipts/templates.ts';
import { openStage, type Stage, seedReceipts } from './stage.ts';
import { median, printTable, verdict } from './table.ts';

const ROUNDS = 3;

interface Case {
  slots: number;
  jobs: number;
  /**
   * The response time of the provider; undefined for a gateway that answers at once, without HTTP.
   */
  latencyMs: number | undefined;
  /** The minimum share of the bare task's rate. */
  ofBare: number | undefined;
  /** The minimum number of receipts a second. */
  perSecond: number | undefined;
}
const CASES: Case[] = [
  { slots: 25, jobs: 2500, latencyMs: 50, ofBare: 0.97, perSecond: undefined },
  { slots: 100, jobs: 6000, latencyMs: 50, ofBare: 0.95, perSecond: undefined },
  { slots: 25, jobs: 5000, latencyMs: 0, ofBare: 0.75, perSecond: undefined },
  { slots: 25, jobs: 20_000, latencyMs: undefined, ofBare: undefined, perSecond: 4000 },
];

/**
 * Measures receipts a second, against a bare task that keeps no record and sends the same mail by
 * SendGrid's own client.
 */
export async function bench(): Promise<void> {
  const stage = await openStage();
  try {
    let next = 1;
    const rows: string[][] = [];
    for (const { slots, jobs, latencyMs, ofBare, perSecond } of CASES) {
      if (latencyMs === undefined || latencyMs === 0) await stage.sandbox.clearFaults();
      else
        await stage.sandbox.setFaults('sendgrid', {
          path: 'POST',
          latencyMs: [latencyMs, latencyMs],
        });
      const mail = timed(latencyMs === undefined ? atOnce() : mailOf(stage));
      const bareMail = timed(latencyMs === undefined ? atOnce() : sendgridsOwn(stage));
      const bare: number[] = [];
      const ours: number[] = [];
      // Alternately, so that a noisy moment affects both; the first round is a warm-up.
      for (let round = 0; round <= ROUNDS; round++) {
        bare.push(await runBare(stage, bareMail, slots, jobs));
        ours.push(await runOurs(stage, mail, slots, next, jobs));
        next += jobs;
      }
      const ratios = ours.map((rate, i) => rate / (bare[i] as number)).slice(1);
      const rate = median(ours.slice(1));
      rows.push([
        `${slots} × ${latencyMs === undefined ? 'at once' : `${latencyMs} ms`}`,
        median(bare.slice(1)).toFixed(0),
        perSecond ? verdict(rate, perSecond, 'at least') : rate.toFixed(0),
        ofBare ? verdict(median(ratios), ofBare, 'at least') : median(ratios).toFixed(2),
      ]);
    }
    printTable(
      [
        'slots × provider',
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

/** A provider that answers at once, so that only our work and that of Postgres is measured. */
function atOnce(): MailGateway {
  return {
    send: async () => ({ messageId: 'bench', httpStatus: 202 }),
    ping: async () => ({ scopes: ['mail.send'], serverTime: undefined }),
  };
}

interface TimedMail extends MailGateway {
  /** Mails a second since the last `begin`, from the first call to the last answer. */
  rate(): number;
  begin(): void;
}

/**
 * Measures the time from the first call to the last answer. So the start and the end of a worker,
 * which take the same time for any number of jobs, do not count.
 */
function timed(mail: MailGateway): TimedMail {
  let mails = 0;
  let first = 0;
  let last = 0;
  return {
    ...mail,
    async send(message) {
      if (mails === 0) first = performance.now();
      mails += 1;
      try {
        return await mail.send(message);
      } finally {
        last = performance.now();
      }
    },
    begin() {
      mails = 0;
    },
    rate: () => (mails / (last - first)) * 1000,
  };
}

const mailOf = ({ sandboxUrl }: Stage) =>
  sendgridGateway({ apiKey: 'SG.sandbox', apiBase: sandboxUrl, timeoutMs: 15_000 });

/** SendGrid's client as its documents show it, with connections that are kept. */
function sendgridsOwn({ sandboxUrl }: Stage): MailGateway {
  // Both packages export an instance that also has its class, which their types omit.
  const { Client } = sendgridClient as unknown as { Client: new () => typeof sendgridClient };
  const { MailService } = sendgridMail as unknown as { MailService: new () => typeof sendgridMail };
  const client = new Client();
  client.setApiKey('SG.sandbox');
  client.setDefaultRequest('baseUrl', sandboxUrl);
  client.setDefaultRequest('httpAgent' as 'url', new Agent({ keepAlive: true }) as never);
  const service = new MailService();
  service.setClient(client);
  return {
    ...atOnce(),
    async send({ from, to, customArgs, categories, subject, text, html }) {
      const mail = { from, to, customArgs, categories, subject, text, html };
      const [answer] = await service.send(mail);
      return { messageId: answer.headers['x-message-id'], httpStatus: answer.statusCode };
    },
  };
}

async function runBare(
  stage: Stage,
  mail: TimedMail,
  concurrency: number,
  jobs: number,
): Promise<number> {
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
    [jobs],
  );
  mail.begin();
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
  return mail.rate();
}

async function runOurs(
  stage: Stage,
  mail: TimedMail,
  concurrency: number,
  from: number,
  jobs: number,
): Promise<number> {
  await seedReceipts(stage.db, from, jobs);
  const worker = new Worker({
    db: stage.db,
    databaseUrl: stage.databaseUrl,
    payments: stripeGateway({
      secretKey: 'sk_test_sandbox',
      apiBase: stage.sandboxUrl,
      timeoutMs: 15_000,
    }),
    mail,
    templates: await loadTemplates(undefined),
    // Formats log lines as in production, but discards them.
    log: pino({ level: 'info' }, { write: () => {} }),
    clock: systemClock,
    config: stage.config,
    env: {},
    version: 'bench',
    concurrency,
    tasks: ['send_receipt'],
  });
  mail.begin();
  await worker.drain();
  const rate = mail.rate();
  const { rows } = await stage.db.query<{ open: number }>(
    `select count(*)::int as open from donations.receipt_deliveries where status <> 'accepted'`,
  );
  if (rows[0]?.open !== 0) throw new Error(`${rows[0]?.open} receipts were not accepted`);
  return rate;
}
