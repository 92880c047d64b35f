import type { Db } from '../src/lib/db/database.ts';

/** The size of a backlog. */
export interface Size {
  ready: number;
  failed: number;
  attempts: number;
}

const DAYS = 3;

/** Fills the queue, the verdicts and the ledger. */
export async function seedQueue(db: Db, size: Size): Promise<void> {
  await db.query(
    `insert into graphile_worker._private_tasks (identifier)
     values ('send_receipt'), ('tokenize_card'), ('charge_card') on conflict do nothing`,
  );
  await seedDonations(db, size.failed);
  await seedReady(db, size.ready);
  await seedFailed(db, size.failed);
  await seedAttempts(db, size.attempts);
  // The state that workers running until now would have left.
  await db.query(`insert into donations.settings values ('failures_seen_until', now()::text)`);
  await db.query('vacuum analyze');
}

const id = (prefix: string) => `'${prefix}_' || lpad(i::text, 26, '0')`;

async function seedDonations(db: Db, count: number): Promise<void> {
  await db.query(
    `with donor as (
       insert into donations.donors (id, name)
       select ${id('dnr')}, 'Donor ' || i from generate_series(0, $1::int) i returning id, name
     )
     insert into donations.donor_emails (donor_id, email, is_primary)
     select id, replace(lower(name), ' ', '') || '@example.org', true from donor`,
    [Math.ceil(count / 5)],
  );
  await db.query(
    `with donation as (
       insert into donations.donations (id, donor_id, amount_minor, currency, method, status, gift_on,
         received_on, settled_at)
       select ${id('don')}, 'dnr_' || lpad((i / 5)::text, 26, '0'), 5000, 'usd', 'card', 'succeeded',
         current_date, current_date, now()
       from generate_series(1, $1::int) i
     ), charge as (
       insert into donations.charges (donation_id, payment_method, payment_intent_id)
       select ${id('don')}, 'pm_card_visa', 'pi_' || i from generate_series(1, $1::int) i
     )
     insert into donations.allocations (donation_id, fund, amount_minor)
     select ${id('don')}, 'Gala', 5000 from generate_series(10, $1::int, 10) i`,
    [count],
  );
}

// 90 of 100 receipts, 9 card tokens, 1 charge; due since up to two hours ago.
async function seedReady(db: Db, count: number): Promise<void> {
  await db.query(
    `insert into graphile_worker._private_jobs (task_id, payload, run_at, created_at, key, flags)
     select t.id, json_build_object('donation_id', ${id('don')}, 'delivery_id', ${id('dlv')}),
       now() - make_interval(secs => 7200.0 * ($1 - i) / $1), now() - make_interval(secs => 7200.0 * ($1 - i) / $1),
       'ready:' || i, jsonb_build_object('task:' || t.identifier, true)
     from generate_series(1, $1::int) i
     join graphile_worker._private_tasks t on t.identifier =
       case when i % 100 = 0 then 'charge_card' when i % 100 < 10 then 'tokenize_card' else 'send_receipt' end`,
    [count],
  );
}

// Forty causes within the last three hours; every eighth cause is a timeout.
async function seedFailed(db: Db, count: number): Promise<void> {
  await db.query(
    `with failed as (
       insert into graphile_worker._private_jobs (task_id, payload, run_at, created_at, updated_at, attempts, key, flags, last_error)
       select t.id, json_build_object('donation_id', ${id('don')}, 'delivery_id', ${id('dlv')}),
         now() - interval '4 hours', now() - interval '4 hours',
         now() - make_interval(secs => 10800.0 * ($1 - i) / $1), 25, 'failed:' || i,
         '{"task:send_receipt": true}', 'cause ' || i % 40 || case when i % 8 = 0 then ': timeout' else ': refused' end
       from generate_series(1, $1::int) i, graphile_worker._private_tasks t where t.identifier = 'send_receipt'
       returning id, payload, updated_at, last_error
     )
     insert into donations.job_verdicts (job_id, task, donation_id, decision, attempt, error_class, message,
       fingerprint, decided_at, applied_at)
     select id, 'send_receipt', payload->>'donation_id', 'fail', 3, 'permanent', last_error,
       left(md5(last_error), 12), updated_at, updated_at from failed`,
    [count],
  );
}

// Over some days, with more on recent ones; two in a hundred failed.
async function seedAttempts(db: Db, count: number): Promise<void> {
  for (let day = 2; day <= DAYS; day++) {
    await db.query(
      `do $$ begin execute format('create table donations.job_attempts_%s partition of donations.job_attempts for values from (%L) to (%L)',
         to_char((now() at time zone 'utc')::date - ${day}, 'YYYYMMDD'),
         ((now() at time zone 'utc')::date - ${day})::timestamp at time zone 'utc',
         ((now() at time zone 'utc')::date - ${day - 1})::timestamp at time zone 'utc'); end $$`,
    );
  }
  await db.query(
    `insert into donations.job_attempts (job_id, task, attempt, donation_id, worker_id, started_at, latency_ms,
       duration_ms, outcome, error_class, error_message, fingerprint)
     select 10000000 + i, case when i % 10 = 0 then 'tokenize_card' else 'send_receipt' end, 1, ${id('don')},
       'wrk_' || i % 4, now() - make_interval(secs => 86400.0 * ${DAYS} * (1.0 - i::float8 / $1) ^ 2), i % 900, i % 300,
       case when i % 50 = 0 then 'retry' else 'succeeded' end,
       case when i % 50 = 0 then 'transient' end,
       case when i % 50 = 0 then 'cause ' || i % 7 end,
       case when i % 50 = 0 then left(md5('cause ' || i % 7), 12) end
     from generate_series(1, $1::int) i`,
    [count],
  );
}
