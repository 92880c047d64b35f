-- What the monitor reads: a sample of each task a minute, and one snapshot that all monitors share.

create table donations.samples (
  -- The minute's beginning.
  minute timestamptz not null,
  task text not null,
  -- At the minute's end; null for a minute in which no worker sampled.
  ready integer check (ready >= 0),
  oldest_wait_ms bigint check (oldest_wait_ms >= 0),
  -- In this minute.
  enqueued integer not null check (enqueued >= 0),
  done integer not null check (done >= 0),
  retried integer not null check (retried >= 0),
  failed integer not null check (failed >= 0),
  held integer not null check (held >= 0),
  -- Milliseconds; null without an attempt.
  latency_p50 integer,
  latency_p95 integer,
  latency_p99 integer,
  duration_p50 integer,
  duration_p95 integer,
  duration_p99 integer,
  primary key (minute, task)
);
comment on table donations.samples is 'One row a task and minute, made by the workers from the ledger; kept for 8 days.';

create unlogged table donations.monitor_snapshot (
  only_one boolean primary key default true check (only_one),
  taken_at timestamptz not null default '-infinity',
  -- How long Postgres worked for it, in milliseconds: it is taken the less often the more it costs.
  cost_ms real not null default 0,
  -- Until this time, the snapshots so far have used up the share of Postgres that monitors may use.
  paid_until timestamptz not null default '-infinity',
  -- Until then one monitor takes a new snapshot. If it dies, the others wait until this time.
  claimed_until timestamptz not null default '-infinity',
  -- JSON, not looked into by Postgres.
  body text
) with (fillfactor = 10);
comment on table donations.monitor_snapshot is 'What every monitor shows. Whichever finds it old takes it anew for all; lost in a crash of Postgres, and made again.';

-- Monitors listen instead of polling. Workers notify of their jobs a few times a second. This trigger
-- notifies of operators' changes, in the transaction of the change.
create function donations.tell_monitors() returns trigger language plpgsql as $$
begin
  perform pg_notify('donations_activity', tg_table_name);
  return null;
end
$$;
create trigger audit_log_activity after insert on donations.audit_log
  for each statement execute function donations.tell_monitors();
create trigger workers_come after insert on donations.workers
  for each statement execute function donations.tell_monitors();
-- Not each heartbeat.
create trigger workers_go after update on donations.workers for each row
  when ((old.stopped_at, old.released_at) is distinct from (new.stopped_at, new.released_at))
  execute function donations.tell_monitors();
