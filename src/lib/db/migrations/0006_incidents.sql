-- What is wrong, since when, and who was told.

-- What the health rules remember from one evaluation to the next.
create table donations.health_states (
  rule text not null,
  subject text not null,
  warning jsonb,
  critical jsonb,
  primary key (rule, subject)
);

create table donations.health_turn (
  only_one boolean primary key default true check (only_one),
  -- When a worker last claimed the evaluation, and when the latest evaluation ended.
  taken_at timestamptz not null default '-infinity',
  judged_at timestamptz not null default '-infinity'
);
comment on table donations.health_turn is 'So that of all workers one evaluates the health rules at a time.';

create table donations.incidents (
  id text primary key check (id ~ '^inc_[0-9a-z]{26}$'),
  rule text not null,
  kind text not null,
  subject text not null,
  level text not null check (level in ('warning', 'critical')),
  -- The worst that it has been.
  worst text not null check (worst in ('warning', 'critical')),
  value double precision,
  -- There are at least so many.
  more boolean not null default false,
  peak double precision,
  -- The commonest reason, as far as one is known.
  cause text,
  -- The most that were affected at one time: jobs, donors, and the sum of their gifts by currency.
  jobs integer check (jobs >= 0),
  donors integer check (donors >= 0),
  amounts jsonb not null default '[]',
  opened_at timestamptz not null,
  updated_at timestamptz not null,
  closed_at timestamptz,
  acknowledged_by text,
  acknowledged_at timestamptz,
  -- Null while it is open.
  acknowledged_until timestamptz,
  check (closed_at >= opened_at),
  check ((acknowledged_by is null) = (acknowledged_at is null))
);
create unique index incidents_one_open on donations.incidents (rule, subject) where closed_at is null;
create index incidents_opened on donations.incidents (opened_at, id);

create table donations.incident_events (
  id bigint generated always as identity primary key,
  incident_id text not null references donations.incidents on delete cascade,
  at timestamptz not null,
  kind text not null check (kind in ('opened', 'raised', 'lowered', 'acknowledged', 'closed')),
  level text check (level in ('warning', 'critical')),
  actor text,
  note text
);
create index incident_events_incident on donations.incident_events (incident_id, id);
create trigger incident_events_activity after insert on donations.incident_events
  for each statement execute function donations.tell_monitors();

create table donations.alert_silences (
  id text primary key check (id ~ '^sil_[0-9a-z]{26}$'),
  -- Null for any.
  rule text,
  task text,
  actor text not null,
  reason text,
  created_at timestamptz not null default now(),
  until timestamptz not null,
  -- When a person ended it early.
  ended_at timestamptz
);

create table donations.alert_deliveries (
  id text primary key check (id ~ '^alt_[0-9a-z]{26}$'),
  incident_id text not null references donations.incidents on delete cascade,
  route text not null,
  event text not null check (event in ('opened', 'raised', 'reminder', 'recovered')),
  level text not null check (level in ('warning', 'critical')),
  -- Of reminders: which.
  nth integer not null default 0,
  -- handed_over: to the route that stands in for this one.
  status text not null default 'pending' check (status in ('pending', 'sent', 'handed_over', 'failed')),
  attempts integer not null default 0,
  due_at timestamptz not null,
  -- Who delivers it and dies holds it up until then. Then it is delivered again.
  claimed_until timestamptz,
  sent_at timestamptz,
  last_error text,
  created_at timestamptz not null default now(),
  unique (incident_id, route, event, level, nth),
  check ((status = 'sent') = (sent_at is not null))
);
comment on table donations.alert_deliveries is 'Written in the transaction that decides them; delivered afterwards, at least once.';
create index alert_deliveries_due on donations.alert_deliveries (due_at) where status = 'pending';
