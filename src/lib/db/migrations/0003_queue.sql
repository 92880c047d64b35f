-- What Graphile Worker does not store: attempts, verdicts, workers, pauses, discarded jobs.

create table donations.job_attempts (
  id bigint generated always as identity,
  job_id bigint not null,
  task text not null,
  attempt integer not null,
  -- The worker's claim of this attempt, which makes the row unique. The worker that ran the attempt
  -- and a worker that releases its jobs may both record it; only the first one succeeds.
  claim uuid not null default gen_random_uuid(),
  donation_id text,
  worker_id text,
  started_at timestamptz not null,
  -- Milliseconds. Latency is the time from when the job was due until it started. `double
  -- precision` has no practical limit, and clients read it as a number.
  latency_ms double precision not null check (latency_ms >= 0),
  duration_ms double precision not null check (duration_ms >= 0),
  outcome text not null check (outcome in ('succeeded', 'declined', 'retry', 'parked', 'failed', 'held', 'abandoned')),
  error_class text,
  error_code text,
  error_message text,
  fingerprint text,
  http_status smallint,
  request_id text,
  next_run_at timestamptz,
  primary key (job_id, started_at, attempt, claim)
) partition by range (started_at);
comment on table donations.job_attempts is 'One row an attempt of a job. No foreign keys: it is history, and is kept longer than the rows that it names.';
create index job_attempts_donation on donations.job_attempts (donation_id, started_at) where donation_id is not null;
-- Recent attempts, for rates and percentiles; recent failures, for error groups.
create index job_attempts_time on donations.job_attempts (started_at);
create index job_attempts_trouble on donations.job_attempts (started_at)
  include (task, fingerprint, outcome, job_id) where outcome <> 'succeeded';
-- Stores rows of days without a partition, so that a missing partition blocks no insert.
-- `donations logs --follow` reads attempts in the order in which they are recorded. An attempt may be
-- recorded long after it started, so the time of its start does not find the new ones.
create index job_attempts_id on donations.job_attempts (id);
create table donations.job_attempts_default partition of donations.job_attempts default;

-- Creates the daily partitions (UTC) from one day before to `days` days after today. Rows of such a
-- day in the default partition are moved. Concurrent callers take turns. A caller that cannot get a
-- lock soon fails, so that no queue forms behind it.
create function donations.ensure_attempt_partitions(days integer default 7) returns void
  language plpgsql set lock_timeout = '2s' as $$
declare
  today date := (now() at time zone 'utc')::date;
  day date;
  part text;
  low timestamptz;
  high timestamptz;
begin
  perform 1 from generate_series(today - 1, today + days, '1 day') d
    where to_regclass('donations.job_attempts_' || to_char(d, 'YYYYMMDD')) is null;
  if not found then return; end if;
  perform pg_advisory_xact_lock(hashtextextended('donations.job_attempts', 0));
  for day in select generate_series(today - 1, today + days, '1 day')::date loop
    part := 'job_attempts_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass('donations.' || part) is not null;
    low := day::timestamp at time zone 'utc';
    high := (day + 1)::timestamp at time zone 'utc';
    -- ATTACH PARTITION does not block readers and writers of other days, unlike CREATE … PARTITION
    -- OF.
    execute format('create table donations.%I (like donations.job_attempts including defaults including constraints)', part);
    -- No row may be inserted between the move and ATTACH PARTITION.
    lock table donations.job_attempts_default in access exclusive mode;
    execute format(
      'with moved as (delete from donations.job_attempts_default where started_at >= %L and started_at < %L returning *)
       insert into donations.%I select * from moved', low, high, part);
    execute format('alter table donations.job_attempts attach partition donations.%I for values from (%L) to (%L)',
      part, low, high);
  end loop;
end
$$;

-- Drops the partitions whose last day is more than `days` days ago; returns their names.
create function donations.prune_attempts(days integer) returns setof text
  language plpgsql set lock_timeout = '2s' as $$
declare
  part text;
begin
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'donations.job_attempts'::regclass
      and c.relname ~ '^job_attempts_\d{8}$'
      and to_date(right(c.relname, 8), 'YYYYMMDD') < (now() at time zone 'utc')::date - days
  loop
    execute format('drop table donations.%I', part);
    return next part;
  end loop;
  delete from donations.job_attempts_default
  where started_at < now() - make_interval(days => days) or started_at > now() + make_interval(days => days);
end
$$;
select donations.ensure_attempt_partitions();

-- The decision of the retry policy on a job whose attempt failed. It is written in one transaction
-- with the attempt. Any live worker then applies it to Graphile Worker through its public
-- functions, once the job is unlocked. A job with an unapplied verdict is not run. Verdicts `fail`
-- and `hold` remain after that: they are the list of failed and held jobs.
create table donations.job_verdicts (
  job_id bigint primary key,
  task text not null,
  donation_id text,
  decision text not null check (decision in ('retry', 'fail', 'hold')),
  -- The number of attempts made. Graphile Worker marks a job as failed by setting attempts to the
  -- maximum, so the number is kept here.
  attempt integer,
  -- In the time of the Postgres server.
  run_at timestamptz,
  -- The new value of the job's attempts; null keeps the current one.
  attempts integer check (attempts >= 0),
  error_class text not null,
  error_code text,
  message text not null,
  fingerprint text not null,
  decided_at timestamptz not null default now(),
  applied_at timestamptz,
  check ((decision = 'retry') = (run_at is not null))
);
create index job_verdicts_unapplied on donations.job_verdicts (decided_at) where applied_at is null;
-- Failed and held jobs in the order of failure. The index includes what groups and counts read.
create index job_verdicts_standing on donations.job_verdicts (decided_at, job_id)
  include (decision, task, fingerprint) where decision <> 'retry';
-- Held jobs are few among many failed ones.
create index job_verdicts_held on donations.job_verdicts (decided_at) where decision = 'hold';
create index job_verdicts_donation on donations.job_verdicts (donation_id)
  where decision <> 'retry' and donation_id is not null;

create table donations.workers (
  id text primary key check (id ~ '^wrk_[0-9a-z]{26}$'),
  -- Graphile Worker's id of the worker, as in `locked_by` of its jobs. It changes when a worker
  -- reconnects.
  pool_id text,
  host text not null,
  pid integer not null,
  version text not null,
  concurrency integer not null,
  tasks text[] not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  -- The running jobs, each as {job, task, attempt, claim, donation, since}.
  running jsonb not null default '[]',
  stopped_at timestamptz,
  -- When another worker found this one lost and released its jobs.
  released_at timestamptz
) with (fillfactor = 70);
create index workers_open on donations.workers (seen_at) where stopped_at is null and released_at is null;

create table donations.task_pauses (
  task text not null,
  cause text not null check (cause in ('operator', 'misconfigured', 'circuit', 'rate_limited')),
  reason text not null,
  since timestamptz not null default now(),
  -- When the pause ends or ended. A pause that a probe ended is kept for a while, so that the next
  -- one with the same cause is probed less often.
  until timestamptz,
  -- The number of probes so far, and the time of the next.
  probes integer not null default 0,
  next_probe_at timestamptz,
  primary key (task, cause)
);
comment on table donations.task_pauses is 'Tasks that no worker runs now. NOTIFY donations_control tells workers of a change.';

create table donations.paced_retries (
  job_id bigint primary key,
  -- The audit entry of the retry that scheduled this job.
  operation text not null,
  retried_at timestamptz not null default now(),
  -- The verdict before the retry.
  verdict jsonb
);
comment on table donations.paced_retries is 'Kept for 30 days, so that a retry over time (--rate, --spread) can be cancelled.';
create index paced_retries_operation on donations.paced_retries (operation);
create index paced_retries_at on donations.paced_retries (retried_at);

create table donations.discarded_jobs (
  job_id bigint primary key,
  -- The audit entry of the change that discarded it.
  operation text not null,
  discarded_at timestamptz not null default now(),
  -- The job as it was in the queue.
  task text not null,
  queue text,
  payload json not null,
  priority integer not null,
  run_at timestamptz not null,
  attempts integer not null,
  max_attempts integer not null,
  key text,
  flags text[] not null default '{}',
  last_error text,
  created_at timestamptz not null,
  -- The verdict of a failed or held job.
  verdict jsonb,
  restored_as bigint,
  restored_at timestamptz,
  check ((restored_as is null) = (restored_at is null))
);
comment on table donations.discarded_jobs is 'Kept for 30 days, so that a discard can be undone.';
create index discarded_jobs_operation on donations.discarded_jobs (operation);
create index discarded_jobs_at on donations.discarded_jobs (discarded_at);
