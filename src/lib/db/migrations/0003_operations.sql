-- Operating the queue: who changed what, what was discarded, and what lists and statistics read.

-- A bulk change is one entry that says what was meant, and one for each chunk that was done.
alter table donations.audit_log
  add column operation text check (operation ~ '^aud_[0-9a-z]{26}$'),
  add column command text,
  add column filter text,
  add column affected integer check (affected >= 0);
comment on column donations.audit_log.operation is 'Of a chunk: the entry of the change that it is part of.';
create index audit_log_operation on donations.audit_log (operation) where operation is not null;
-- The trigger refuses whoever has the privilege; hardly anybody has it.
revoke update, delete, truncate on donations.audit_log from public, current_user;

create table donations.discarded_jobs (
  job_id bigint primary key,
  -- The audit entry of the change that discarded it.
  operation text not null,
  discarded_at timestamptz not null default now(),
  -- As it was in the queue.
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
  -- The standing verdict of a failed or held job.
  verdict jsonb,
  restored_as bigint,
  restored_at timestamptz,
  check ((restored_as is null) = (restored_at is null))
);
comment on table donations.discarded_jobs is 'Kept for 30 days, so that a discard can be undone.';
create index discarded_jobs_operation on donations.discarded_jobs (operation);
create index discarded_jobs_at on donations.discarded_jobs (discarded_at);

-- Graphile Worker fails a job for good by using up its attempts: how many there were is kept here.
alter table donations.job_verdicts add column attempt smallint;

-- Failed and held jobs in the order in which they failed; what groups and counts need is in the index.
drop index donations.job_verdicts_standing;
create index job_verdicts_standing on donations.job_verdicts (decided_at, job_id)
  include (decision, task, fingerprint) where decision <> 'retry';
create index job_verdicts_donation on donations.job_verdicts (donation_id)
  where decision <> 'retry' and donation_id is not null;

-- A failed or held delivery by the job that sends it.
create index receipt_deliveries_attention_job on donations.receipt_deliveries (job_id) where needs_attention;

-- The latest attempts, for rates and percentiles; the latest that went wrong, for the groups of errors.
create index job_attempts_time on donations.job_attempts (started_at);
drop index donations.job_attempts_trouble;
create index job_attempts_trouble on donations.job_attempts (started_at)
  include (task, fingerprint, outcome, job_id) where outcome <> 'succeeded';
