-- The work that workers repeat by themselves: the last run of each kind, and how it ended.

create table donations.recurring_runs (
  name text primary key,
  started_at timestamptz not null,
  -- Of the latest run that ended; earlier than started_at while a run is under way, or when its worker died.
  ended_at timestamptz,
  duration_ms double precision check (duration_ms >= 0),
  outcome text check (outcome in ('succeeded', 'failed')),
  error text,
  succeeded_at timestamptz,
  check ((ended_at is null) = (outcome is null))
);
comment on table donations.recurring_runs is 'One row for each kind of recurring work, written by whichever worker runs it.';
