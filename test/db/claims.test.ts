import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendReceipt } from '../../src/jobs/send-receipt.ts';
import type { Attempt } from '../../src/jobs/task.ts';
import { type Db, openDb } from '../../src/lib/db/database.ts';
import { ProviderError } from '../../src/lib/providers/errors.ts';
import type { MailGateway } from '../../src/lib/providers/mail.ts';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import type { Verdict } from '../../src/lib/queue/policy.ts';
import { type Change, createRecorder } from '../../src/lib/queue/run/recorder.ts';
import { applyEvidence, settleProved } from '../../src/lib/receipts/evidence.ts';
import { findReceipt } from '../../src/lib/receipts/find.ts';
import { loadTemplates } from '../../src/lib/receipts/templates.ts';
import { donateNow } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';

// Attempts at one delivery, as two workers make them: each with connections of its own.
const templates = await loadTemplates(undefined);
const RESEND: Verdict = { decision: 'retry', delayMs: 0, counts: true, pause: false };

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
const jobs = async () =>
  (
    await system.db.query<{ id: string }>(
      `select id::text from graphile_worker.jobs where task_identifier = 'send_receipt'`,
    )
  ).rows.map(({ id }) => id);

/** Runs attempts of the task as a worker does, and writes down what came of them. */
class Worker {
  readonly db: Db;
  readonly #task;
  readonly #record;

  constructor(mail: Partial<MailGateway> = {}) {
    this.db = openDb({ url: system.env.DATABASE_URL as string, applicationName: 'worker' });
    const { sendgrid } = system.config;
    const gateway = sendgridGateway({
      apiKey: 'SG.sandbox',
      apiBase: sendgrid.apiBase,
      timeoutMs: 2000,
    });
    this.#task = sendReceipt({
      db: this.db,
      mail: { send: (message) => gateway.send(message), ping: () => gateway.ping(), ...mail },
      config: system.config,
      templates,
    });
    this.#record = createRecorder(this.db, async () => {});
    workers.push(this);
  }

  /** @returns how the attempt ended. */
  async attempt(unknown: Verdict = { decision: 'hold' }): Promise<string> {
    const attempt = { id: randomUUID(), jobId: '0', lockedBy: null, number: 2 } as Attempt;
    const payload = { donation_id: donation, delivery_id: delivery };
    try {
      const { outcome, changes } = await this.#task.run(payload, attempt);
      await this.#write(changes ?? []);
      return outcome;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const verdict: Verdict =
        error.errorClass === 'unknown_outcome'
          ? unknown
          : error.errorClass === 'permanent'
            ? { decision: 'fail' }
            : RESEND;
      const failure = { ...error, message: error.message, code: error.code };
      await this.#write(this.#task.onFailure?.(payload, attempt, failure, verdict) ?? []);
      return error.errorClass;
    }
  }

  async #write(changes: Change[]): Promise<void> {
    if (changes.length === 0) return;
    await this.#record({ jobId: '0', attempt: undefined, verdict: undefined, changes });
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
  const gateway = sendgridGateway({
    apiKey: 'SG.sandbox',
    apiBase: system.config.sendgrid.apiBase,
    timeoutMs: 2000,
  });
  const send: MailGateway['send'] = async (message) => {
    arrived();
    await opened;
    return gateway.send(message);
  };
  return { send, atGate, open };
}

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
    const loser = await Promise.race(ended);
    expect(loser).toBe('unknown_outcome');
    expect(await state()).toMatchObject({ status: 'held' });
    slow.open();
    expect((await Promise.all(ended)).sort()).toEqual(['succeeded', 'unknown_outcome']);
    expect(await state()).toMatchObject({ status: 'accepted', reason: undefined });
    expect(await mails()).toBe(1);
  });

  it('within one worker as well', async () => {
    const worker = new Worker();
    const ended = await Promise.all([worker.attempt(), worker.attempt()]);
    expect(ended).toContain('succeeded');
    expect((await state()).status).toBe('accepted');
    expect(await mails()).toBe(1);
  });
});

describe('a false rescue: the first attempt is alive, and a second finds its claim', () => {
  it('by hold: the first one’s answer settles it', async () => {
    const slow = slowMail();
    const first = new Worker(slow).attempt();
    await slow.atGate;
    expect(await new Worker().attempt()).toBe('unknown_outcome');
    expect((await state()).status).toBe('held');
    slow.open();
    expect(await first).toBe('succeeded');
    expect(await state()).toMatchObject({ status: 'accepted', reason: undefined });
    expect(await mails()).toBe(1);
  });

  it('by resend: the first one’s answer ends the wait, and nothing more is sent', async () => {
    const slow = slowMail();
    const first = new Worker(slow).attempt();
    await slow.atGate;
    const second = new Worker();
    expect(await second.attempt(RESEND)).toBe('unknown_outcome');
    expect((await state()).status).toBe('pending');
    slow.open();
    expect(await first).toBe('succeeded');
    expect((await state()).status).toBe('accepted');
    expect(await second.attempt(RESEND)).toBe('succeeded');
    expect(await mails()).toBe(1);
  });

  it('a first attempt that was refused lets it go again', async () => {
    const slow = slowMail();
    await system.sandbox.setFaults('sendgrid', { unavailable: true, path: 'POST', count: 1 });
    const first = new Worker(slow).attempt();
    await slow.atGate;
    expect(await new Worker().attempt()).toBe('unknown_outcome');
    slow.open();
    expect(await first).toBe('transient');
    expect(await state()).toMatchObject({ status: 'pending', reason: undefined });
    expect(await new Worker().attempt()).toBe('succeeded');
    expect(await mails()).toBe(1);
  });
});

it('counts how often it is sent again by policy', async () => {
  const resends = async () =>
    (await system.db.query('select resends from donations.receipt_deliveries')).rows;
  await system.sandbox.setFaults('sendgrid', { resetBeforeProcessing: true, path: 'POST' });
  const worker = new Worker();
  expect(await worker.attempt(RESEND)).toBe('unknown_outcome');
  expect(await resends()).toEqual([{ resends: 1 }]);
  expect(await worker.attempt(RESEND)).toBe('unknown_outcome');
  expect(await resends()).toEqual([{ resends: 2 }]);
  expect(await worker.attempt()).toBe('unknown_outcome');
  expect(await state()).toMatchObject({ status: 'held' });
});

describe('evidence', () => {
  const proof = () => ({
    event: 'delivered',
    at: new Date(),
    messageId: 'm1',
    deliveryId: delivery,
    receiptId: undefined,
    donationId: undefined,
  });
  const tell = () => system.db.transaction((tx) => applyEvidence(tx, [proof()]));

  it('that comes while it waits to be sent again stops it, and ends its job', async () => {
    await system.sandbox.setFaults('sendgrid', { timeouts: true, path: 'POST', count: 1 });
    expect(await new Worker().attempt(RESEND)).toBe('unknown_outcome');
    expect((await state()).status).toBe('pending');
    expect(await jobs()).toHaveLength(1);
    expect(await tell()).toEqual({ settled: [delivery], unknown: 0 });
    expect(await state()).toMatchObject({ status: 'accepted', messageId: 'm1' });
    expect(await jobs()).toEqual([]);
    expect(await mails()).toBe(1);
  });

  it('that comes while it is sent is kept, and settles it when the answer is lost', async () => {
    const slow = slowMail();
    await system.sandbox.setFaults('sendgrid', { timeouts: true, path: 'POST', count: 1 });
    const attempt = new Worker(slow).attempt(RESEND);
    await slow.atGate;
    expect(await tell()).toEqual({ settled: [], unknown: 0 });
    expect((await state()).status).toBe('sending');
    slow.open();
    expect(await attempt).toBe('unknown_outcome');
    // Whoever would send it again finds that it went out.
    expect(await new Worker().attempt(RESEND)).toBe('succeeded');
    expect(await state()).toMatchObject({ status: 'accepted', messageId: 'm1' });
    expect(await mails()).toBe(1);
    expect(await settleProved(system.db)).toEqual([]);
  });
});
