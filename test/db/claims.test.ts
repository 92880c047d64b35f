import type { JobHelpers } from 'graphile-worker';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskRunner } from '../../src/jobs/run.ts';
import { runTask } from '../../src/jobs/run-task.ts';
import { sendReceipt } from '../../src/jobs/send-receipt.ts';
import type { Task } from '../../src/jobs/task.ts';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import type { MailGateway } from '../../src/lib/providers/mail.ts';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import { Brake } from '../../src/lib/queue/run/brake.ts';
import { createRecorder } from '../../src/lib/queue/run/recorder.ts';
import { Slots } from '../../src/lib/queue/run/slots.ts';
import { applyVerdicts } from '../../src/lib/queue/run/verdicts.ts';
import { applyEvidence, settleProved } from '../../src/lib/receipts/evidence.ts';
import { findReceipt } from '../../src/lib/receipts/find-receipt.ts';
import { resolveDelivery } from '../../src/lib/receipts/resolve.ts';
import { loadTemplates } from '../../src/lib/receipts/templates.ts';
import { donateNow } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';

// Attempts at one delivery, as two workers make them: each with connections of its own.
const templates = await loadTemplates(undefined);

let system: System;
let workers: Worker[];
let delivery: string;
let donation: string;
beforeEach(async () => {
  system = await startSystem();
  workers = [];
  donation = (await donateNow(system.deps, gift())).id;
  delivery = (await state()).id;
});
afterEach(async () => {
  await Promise.all(workers.map(({ db }) => db.close()));
  await system.close();
});

async function state() {
  const { deliveries } = await findReceipt(system.db, donation);
  return deliveries[0] as (typeof deliveries)[0];
}
const mails = async () => (await system.sandbox.inbox()).length;
/** What is left in the queue of the delivery: jobs, and verdicts on them. */
const left = async () =>
  (
    await system.db.query<{ jobs: number; verdicts: number }>(
      `select (select count(*)::int from graphile_worker.jobs where key = $1) as jobs,
         (select count(*)::int from donations.job_verdicts where task = 'send_receipt') as verdicts`,
      [`send:${delivery}`],
    )
  ).rows[0];
const NOTHING = { jobs: 0, verdicts: 0 };

const toSandbox = () =>
  sendgridGateway({
    apiKey: 'SG.sandbox',
    apiBase: system.config.sendgrid.apiBase,
    timeoutMs: 2000,
  });

/** Runs attempts of the delivery's job as a worker does, on connections of its own. */
class Worker {
  readonly db: Db;
  readonly log: string[] = [];
  readonly #run;

  constructor({
    mail = {},
    whenUnknown = 'hold',
    holds = [],
  }: {
    mail?: Partial<MailGateway>;
    whenUnknown?: 'hold' | 'resend';
    /** What it is told when it asks whether the job is its still; afterwards it is. */
    holds?: boolean[];
  } = {}) {
    this.db = openDb({ url: system.env.DATABASE_URL as string, applicationName: 'worker' });
    const gateway = toSandbox();
    const task = sendReceipt({
      db: this.db,
      mail: { send: (message) => gateway.send(message), ping: () => gateway.ping(), ...mail },
      config: system.config,
      templates,
    });
    const runner: TaskRunner = {
      db: this.db,
      clock: { now: () => new Date() },
      log: pino({ level: 'debug' }, { write: (line) => void this.log.push(JSON.parse(line).msg) }),
      workerId: newId('worker'),
      brake: new Brake({ db: this.db, threshold: 5, probe: async () => {}, onChange: () => {} }),
      record: createRecorder(this.db, async (error) => {
        throw error;
      }),
      verdictGiven: () => {},
      running: new Map(),
      slots: new Slots(9),
      holds: async () => holds.shift() ?? true,
      announce: async () => {},
      underWay: new Map(),
      onBegin: () => {},
      resending: { whenUnknown, resendLimit: 1 },
      random: () => 0,
    };
    this.#run = runTask(runner, 'send_receipt', task as Task);
    workers.push(this);
  }

  /** Claims the job, whoever has it, and runs it. @returns how the attempt ended. */
  async attempt(): Promise<string> {
    await applyVerdicts(this.db);
    const { rows } = await this.db.query<JobHelpers['job']>(
      `update graphile_worker._private_jobs j set attempts = attempts + 1, locked_at = now(), locked_by = $2
       where key = $1 returning *`,
      [`send:${delivery}`, `pool${workers.length}`],
    );
    const job = rows[0] as JobHelpers['job'];
    try {
      await this.#run(job.payload, { job } as JobHelpers);
      await this.db.query('delete from graphile_worker._private_jobs where id = $1', [job.id]);
      return 'succeeded';
    } catch (error) {
      await this.db.query(
        `update graphile_worker._private_jobs set locked_at = null, locked_by = null, last_error = $2
         where id = $1 and locked_by = $3`,
        [job.id, (error as Error).message, job.locked_by],
      );
      await applyVerdicts(this.db);
      const outcome = await this.db.query<{ outcome: string }>(
        'select outcome from donations.job_attempts where job_id = $1 order by id desc limit 1',
        [job.id],
      );
      return outcome.rows[0]?.outcome ?? 'nothing';
    }
  }
}

/** A gate that a mail waits at: it is on its way, and nobody knows more. */
function slowMail() {
  let open = () => {};
  let arrived = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const atGate = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const gateway = toSandbox();
  const send: MailGateway['send'] = async (message) => {
    arrived();
    await opened;
    return gateway.send(message);
  };
  return { mail: { send }, atGate, open };
}

const proof = () => ({
  event: 'delivered',
  at: new Date(),
  messageId: 'm1',
  deliveryId: delivery,
  receiptId: undefined,
  donationId: undefined,
});
const tell = () => system.db.transaction((tx) => applyEvidence(tx, [proof()]));

describe('two attempts race for one delivery', () => {
  it('one sends, the other never fails it', async () => {
    const slow = slowMail();
    const [one, two] = [new Worker(slow), new Worker(slow)];
    let ended: Promise<string>[] = [];
    // Both read the delivery while it is pending; then one after the other may change it.
    await system.db.transaction(async (tx) => {
      await tx.query('select 1 from donations.receipt_deliveries where id = $1 for update', [
        delivery,
      ]);
      ended = [one.attempt(), two.attempt()];
      for (;;) {
        const { rows } = await system.db.query<{ n: number }>(
          `select count(*)::int as n from pg_stat_activity
           where datname = current_database() and application_name = 'worker' and wait_event_type = 'Lock'`,
        );
        if (rows[0]?.n === 2) break;
      }
    });
    await slow.atGate;
    await Promise.race(ended);
    expect((await state()).status).toMatch(/^(sending|held)$/);
    slow.open();
    await Promise.all(ended);
    expect(await state()).toMatchObject({ status: 'accepted', reason: undefined });
    expect(await mails()).toBe(1);
    expect(await left()).toEqual(NOTHING);
  });
});

describe('a false rescue: the first attempt is alive, and a second finds its claim', () => {
  it('by hold: the first one’s answer settles it', async () => {
    const slow = slowMail();
    const first = new Worker(slow).attempt();
    await slow.atGate;
    expect(await new Worker().attempt()).toBe('held');
    expect((await state()).status).toBe('held');
    slow.open();
    expect(await first).toBe('succeeded');
    expect(await state()).toMatchObject({ status: 'accepted', reason: undefined });
    expect(await mails()).toBe(1);
    expect(await left()).toEqual(NOTHING);
  });

  it('by resend: the first one’s answer ends the wait, and nothing more is sent', async () => {
    const slow = slowMail();
    const first = new Worker(slow).attempt();
    await slow.atGate;
    expect(await new Worker({ whenUnknown: 'resend' }).attempt()).toBe('retry');
    expect(await state()).toMatchObject({ status: 'pending', resends: 1 });
    slow.open();
    expect(await first).toBe('succeeded');
    expect((await state()).status).toBe('accepted');
    expect(await mails()).toBe(1);
    expect(await left()).toEqual(NOTHING);
  });

  it('by resend, when the second is sending it already: nothing is left waiting, and the delivery tells', async () => {
    const slow = slowMail();
    const firstWorker = new Worker(slow);
    const first = firstWorker.attempt();
    await slow.atGate;
    expect(await new Worker({ whenUnknown: 'resend' }).attempt()).toBe('retry');
    const slower = slowMail();
    await system.sandbox.clearFaults();
    const third = new Worker({ ...slower, whenUnknown: 'resend' }).attempt();
    await slower.atGate;
    slow.open();
    expect(await first).toBe('succeeded');
    expect(firstWorker.log.join()).toMatch(/overtaken: .*the donor may get two/);
    // The third one's answer is lost: the first one's is evidence enough.
    await system.sandbox.setFaults('sendgrid', { timeouts: true, path: 'POST', count: 1 });
    slower.open();
    await third;
    expect(await state()).toMatchObject({
      status: 'accepted',
      evidence: expect.stringContaining('taken for lost was accepted'),
    });
    expect(await left()).toEqual(NOTHING);
  });

  it('a first attempt that was refused lets it go again', async () => {
    const slow = slowMail();
    await system.sandbox.setFaults('sendgrid', { unavailable: true, path: 'POST', count: 1 });
    const first = new Worker(slow).attempt();
    await slow.atGate;
    expect(await new Worker().attempt()).toBe('held');
    slow.open();
    await first;
    expect(await state()).toMatchObject({ status: 'pending', reason: undefined });
    expect(await new Worker().attempt()).toBe('succeeded');
    expect(await mails()).toBe(1);
    expect(await left()).toEqual(NOTHING);
  });

  it('a person lets it go again, and then the first answers: nothing more is sent', async () => {
    const slow = slowMail();
    const first = new Worker(slow).attempt();
    await slow.atGate;
    expect(await new Worker().attempt()).toBe('held');
    await resolveDelivery(system.db, await findReceipt(system.db, donation), {
      actor: 'grace',
      host: 'here',
      outcome: 'resend',
    });
    slow.open();
    expect(await first).toBe('succeeded');
    expect((await state()).status).toBe('accepted');
    // Its new job finds nothing to do.
    expect(await new Worker().attempt()).toBe('succeeded');
    expect(await mails()).toBe(1);
    expect(await left()).toEqual(NOTHING);
  });
});

it('sends again by policy as often as the settings say, and then holds', async () => {
  await system.sandbox.setFaults('sendgrid', { resetBeforeProcessing: true, path: 'POST' });
  const worker = new Worker({ whenUnknown: 'resend' });
  expect(await worker.attempt()).toBe('retry');
  expect(await state()).toMatchObject({ status: 'pending', resends: 1 });
  expect(await worker.attempt()).toBe('held');
  expect(await state()).toMatchObject({ status: 'held', resends: 1 });
});

describe('evidence', () => {
  it('that comes while it waits to be sent again stops it, and ends its job', async () => {
    await system.sandbox.setFaults('sendgrid', { timeouts: true, path: 'POST', count: 1 });
    expect(await new Worker({ whenUnknown: 'resend' }).attempt()).toBe('retry');
    expect((await state()).status).toBe('pending');
    expect(await tell()).toEqual({ settled: [delivery], unknown: 0 });
    expect(await state()).toMatchObject({ status: 'accepted', messageId: 'm1' });
    expect(await left()).toEqual(NOTHING);
    expect(await mails()).toBe(1);
  });

  it.each(['hold', 'resend'] as const)(
    'that comes while it is sent settles it when the answer is lost (%s)',
    async (whenUnknown) => {
      const slow = slowMail();
      await system.sandbox.setFaults('sendgrid', { timeouts: true, path: 'POST', count: 1 });
      const attempt = new Worker({ ...slow, whenUnknown }).attempt();
      await slow.atGate;
      expect(await tell()).toEqual({ settled: [], unknown: 0 });
      expect((await state()).status).toBe('sending');
      slow.open();
      expect(await attempt).toBe('succeeded');
      expect(await state()).toMatchObject({ status: 'accepted', messageId: 'm1' });
      expect(await mails()).toBe(1);
      expect(await left()).toEqual(NOTHING);
      expect(await settleProved(system.db)).toEqual([]);
    },
  );
});

it('an attempt whose worker was taken for dead before it called gives its claim back', async () => {
  const dead = new Worker({ holds: [true, false] });
  await dead.attempt();
  expect(await mails()).toBe(0);
  expect((await state()).status).toBe('pending');
  expect(await new Worker().attempt()).toBe('succeeded');
  expect(await mails()).toBe(1);
});
