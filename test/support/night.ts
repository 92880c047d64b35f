import type { Db } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import { fingerprint } from '../../src/lib/queue/fingerprint.ts';
import { addDonation, addDonor } from './records.ts';

/** The night of these tests: 02:00 to 05:00 in New York is 06:00 to 09:00 in UTC. */
export const ZONE = 'America/New_York';
export const NIGHT = { from: '2026-03-10 02:00', to: '2026-03-10 05:00' };
/** A moment of the night by the clock of New York, as UTC. */
export const at = (clock: string) =>
  new Date(Date.parse(`2026-03-10T${clock}Z`) + 4 * 3_600_000).toISOString();

const OLD_WORKER = newId('worker');

const HOSTILE = '<script>alert(1)</script> & "quoted" \u001b[31mred';

export interface Night {
  /** A gift whose receipt failed then and is failed now. */
  donation: string;
  incident: string;
  change: string;
}

/**
 * Writes a night into the database: SendGrid is down from 03:00 to 03:30, grace pauses and resumes the
 * receipts, a new version is deployed at 03:40, and no worker is there from 04:30 to 04:40.
 */
export async function addNight(db: Db): Promise<Night> {
  await db.query(
    `insert into donations.samples (minute, task, ready, oldest_wait_ms, enqueued, done, retried, failed, held, duration_p95)
     select m, 'send_receipt', case when down then 300 else 4 end,
       case when down then extract(epoch from m - $3::timestamptz) * 1000 else 900 end,
       40, case when down then 0 else 40 end, case when down then 12 else 0 end,
       case when down and extract(minute from m) = 10 then 2 else 0 end, 0, 120
     from (select m, m >= $3::timestamptz and m < $4::timestamptz as down
           from generate_series($1::timestamptz, $2::timestamptz - interval '1 minute', interval '1 minute') m) minutes
     where m < $5::timestamptz or m >= $6::timestamptz`,
    ['02:00', '05:00', '03:00', '03:30', '04:30', '04:40'].map((clock) => at(`${clock}:00`)),
  );
  const workers: [string, string, string, string | null][] = [
    ['0.1.0', at('00:00:00'), at('03:40:00'), at('03:40:00')],
    ['0.2.0', at('03:41:00'), at('04:29:50'), null],
    ['0.2.0', at('04:40:00'), at('06:00:00'), at('06:00:00')],
  ];
  for (const [version, started, seen, stopped] of workers)
    await db.query(
      `insert into donations.workers (id, host, pid, version, concurrency, tasks, started_at, seen_at, stopped_at, released_at)
       values ($1, 'web-1', 7, $2, 5, '{send_receipt}', $3, $4, $5, case when $5::timestamptz is null then $4::timestamptz end)`,
      [version === '0.1.0' ? OLD_WORKER : newId('worker'), version, started, seen, stopped],
    );
  const incident = newId('incident');
  await db.query(
    `insert into donations.incidents (id, rule, kind, subject, level, worst, value, peak, cause, jobs, donors,
       amounts, opened_at, updated_at, closed_at)
     values ($1, 'circuit', 'circuit', 'send_receipt', 'critical', 'critical', 1800000, 1800000, 'SendGrid: 503', 300, 2,
       '[{"currency":"usd","minor":"10000"}]', $2, $3, $3)`,
    [incident, at('03:00:20'), at('03:31:00')],
  );
  await db.query(
    `insert into donations.incident_events (incident_id, at, kind, level) values
       ($1, $2, 'opened', 'warning'), ($1, $3, 'raised', 'critical'), ($1, $4, 'closed', null)`,
    [incident, at('03:00:20'), at('03:02:20'), at('03:31:00')],
  );
  const change = newId('audit');
  await db.query(
    `insert into donations.audit_log (id, at, actor, host, action, subject, reason) values
       ($1, $2, 'grace', 'desk', 'jobs.pause', 'send_receipt', 'SendGrid is down'),
       ($3, $4, 'grace', 'desk', 'jobs.resume', 'send_receipt', null)`,
    [change, at('03:05:00'), newId('audit'), at('03:29:00')],
  );
  const donation = await addDonation(db, { donor: await addDonor(db, 'Zoë <b>Bold</b>') });
  const other = await addDonation(db, { amount: '2500', currency: 'eur' });
  const attempts: [string, string, string, string, number, string | null][] = [
    ['901', donation, at('03:04:00'), 'retry', 10, 'SendGrid answered 503'],
    ['901', donation, at('03:10:00'), 'failed', 10, HOSTILE],
    ['902', other, at('03:08:00'), 'retry', 10, 'SendGrid answered 503'],
    ['902', other, at('03:32:00'), 'succeeded', 1_440_000, null],
    // Outside of the night.
    ['903', other, at('05:30:00'), 'failed', 10, 'later'],
  ];
  for (const [job, gift, started, outcome, latency, error] of attempts)
    await db.query(
      `insert into donations.job_attempts (job_id, task, attempt, donation_id, started_at, latency_ms, duration_ms,
         outcome, error_class, error_message, fingerprint)
       values ($1, 'send_receipt', 1, $2, $3, $4, 200, $5, case when $6::text is not null then 'transient' end, $6, $7)`,
      [
        ...[job, gift, started, latency, outcome, error],
        error === null ? null : fingerprint('transient', error),
      ],
    );
  // Under way at 03:10.
  await db.query(
    `insert into donations.job_attempts (job_id, task, attempt, worker_id, started_at, latency_ms, duration_ms, outcome)
     values (904, 'send_receipt', 1, $1, $2, 10, 30000, 'succeeded')`,
    [OLD_WORKER, at('03:09:50')],
  );
  await db.query(
    `insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class, message,
       fingerprint, decided_at, applied_at)
     values (901, 'send_receipt', $1, 'fail', 2, 'permanent', $2, 'f', $3, $3)`,
    [donation, HOSTILE, at('03:10:00')],
  );
  return { donation, incident, change };
}
