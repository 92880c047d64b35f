import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import type { Db } from '../../src/lib/db/database.ts';
import type { ChargeDeps } from '../../src/lib/donations/charge.ts';
import { donateNow } from '../support/donate.ts';
import { gift } from '../support/system.ts';

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;

export interface Listener {
  stripeUrl: string;
  sendgridUrl: string;
  /** All output so far. */
  output(): string;
  /** Sends SIGTERM. @returns the exit code. */
  stop(): Promise<number | null>;
}

/** Runs `donations webhooks listen` as a process, on any free port. */
export async function startListener(env: NodeJS.ProcessEnv): Promise<Listener> {
  const child: ChildProcess = spawn(
    process.execPath,
    [LAUNCHER, 'webhooks', 'listen', '--port', '0'],
    {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const urls = await new Promise<string[]>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      output += chunk;
      const found = output.match(/^http:.*\/webhooks\/\w+$/gm);
      if (found?.length === 2) resolve(found);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    ended.then(() => reject(new Error(`the listener ended:\n${output}`)));
  });
  return {
    stripeUrl: urls.find((url) => url.endsWith('stripe')) as string,
    sendgridUrl: urls.find((url) => url.endsWith('sendgrid')) as string,
    output: () => output,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Signs as SendGrid does. */
export function mailSigner() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    headers(body: string, at = new Date()): Record<string, string> {
      const timestamp = String(Math.floor(at.getTime() / 1000));
      return {
        'X-Twilio-Email-Event-Webhook-Timestamp': timestamp,
        'X-Twilio-Email-Event-Webhook-Signature': sign(
          'sha256',
          Buffer.from(timestamp + body),
          privateKey,
        ).toString('base64'),
      };
    },
  };
}

/** Signs as Stripe does. */
export function stripeHeaders(
  secret: string,
  body: string,
  at = new Date(),
): Record<string, string> {
  const timestamp = Math.floor(at.getTime() / 1000);
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return { 'Stripe-Signature': `t=${timestamp},v1=${signature}` };
}

export const post = async (
  url: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<number> => (await fetch(url, { method: 'POST', body, headers })).status;

/** A donation whose receipt a worker started to send without recording the result. */
export async function sendingDelivery(
  deps: ChargeDeps,
): Promise<{ id: string; donationId: string }> {
  const donation = await donateNow(deps, gift({ name: `Donor ${randomUUID()}` }));
  const { rows } = await deps.db.query<{ id: string }>(
    `with sending as (
       update donations.receipt_deliveries set status = 'sending', claim = $2, claimed_at = now()
       where receipt_id in (select receipt_id from donations.receipt_donations where donation_id = $1)
       returning id, job_id
     ), locked as (
       update graphile_worker._private_jobs j set locked_at = now(), locked_by = 'a worker'
       from sending where j.id = sending.job_id
     )
     select id from sending`,
    [donation.id, randomUUID()],
  );
  return { id: rows[0]?.id as string, donationId: donation.id };
}

/** Holds the delivery: its job has failed for good and its verdict remains, as after a worker. */
export async function hold(db: Db, id: string): Promise<void> {
  await db.query(
    `update graphile_worker._private_jobs j set locked_at = null, locked_by = null
     from donations.receipt_deliveries d where d.id = $1 and j.id = d.job_id`,
    [id],
  );
  await db.query(
    `with held as (
       update donations.receipt_deliveries set status = 'held', reason = 'timed out' where id = $1 returning job_id
     ), failed as (
       select job.id from held cross join lateral graphile_worker.permanently_fail_jobs(array[held.job_id], 'timed out') job
     )
     insert into donations.job_verdicts (job_id, task, decision, error_class, message, fingerprint, applied_at)
     select id, 'send_receipt', 'hold', 'unknown_outcome', 'timed out', 'x', now() from failed`,
    [id],
  );
}

export async function deliveryOf(db: Db, id: string) {
  const { rows } = await db.query<{
    status: string;
    evidence: string | null;
    message_id: string | null;
    jobs: number;
    verdicts: number;
  }>(
    `select d.status, d.evidence, d.message_id,
       (select count(*)::int from graphile_worker.jobs j where j.id = d.job_id) as jobs,
       (select count(*)::int from donations.job_verdicts v where v.job_id = d.job_id) as verdicts
     from donations.receipt_deliveries d where d.id = $1`,
    [id],
  );
  return rows[0];
}

/** A proxy that can be cut and restored. */
export async function cuttable(target: URL) {
  const sockets = new Set<Socket>();
  let cut = false;
  const server = createServer((near) => {
    if (cut) return void near.resetAndDestroy();
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    cut() {
      cut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      cut = false;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
