-- Who changed what: every decision of a person. A bulk change has one entry for the request and one
-- for each chunk that was applied.

create table donations.audit_log (
  id text primary key check (id ~ '^aud_[0-9a-z]{26}$'),
  at timestamptz not null default now(),
  actor text not null,
  host text not null,
  action text not null,
  subject text,
  reason text,
  detail jsonb not null default '{}',
  -- For a chunk of a bulk change: the entry of the request.
  operation text check (operation ~ '^aud_[0-9a-z]{26}$'),
  command text,
  filter text,
  affected integer check (affected >= 0)
);
create index audit_log_operation on donations.audit_log (operation) where operation is not null;
create index audit_log_at on donations.audit_log (at);
create index audit_log_subject on donations.audit_log (subject) where subject is not null;
create trigger audit_log_append_only before update or delete or truncate on donations.audit_log
  for each statement execute function donations.refuse_change();
-- The trigger refuses roles that have the privilege; this removes it from almost all roles.
revoke update, delete, truncate on donations.audit_log from public, current_user;
