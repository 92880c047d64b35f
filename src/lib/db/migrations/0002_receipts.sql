-- Receipts, their deliveries, and the webhook events of providers.

create table donations.receipt_counters (
  organization_id text not null references donations.organizations,
  series text not null,
  last_number bigint not null check (last_number >= 0),
  primary key (organization_id, series)
);
create trigger receipt_counters_kept before delete or truncate on donations.receipt_counters
  for each statement execute function donations.refuse_change();
comment on table donations.receipt_counters is 'Incremented by the last statement of the transaction that issues: issued and void receipts together are 1..last_number. A sequence would leave gaps.';

-- A receipt number as it is printed: `2026-000042`.
create function donations.receipt_label(series text, number bigint) returns text language sql immutable strict as $$
  select series || '-' || lpad(number::text, greatest(6, length(number::text)), '0')
$$;

create table donations.receipts (
  id text primary key check (id ~ '^rcp_[0-9a-z]+$' and length(id) = 30),
  organization_id text not null,
  organization_version integer not null,
  -- donation: a gift. refund: a refund of a gift. annual: all gifts of a year.
  kind text not null check (kind in ('donation', 'refund', 'annual')),
  series text not null,
  number bigint not null check (number > 0),
  label text not null generated always as (donations.receipt_label(series, number)) stored,
  status text not null default 'issued' check (status in ('issued', 'void')),
  donor_id text not null references donations.donors,
  -- Of a statement: the year of its gifts.
  year smallint check (year between 1900 and 2999),
  -- Null on a statement in several currencies, or of property alone.
  amount_minor bigint check (amount_minor > 0),
  deductible_minor bigint check (deductible_minor between 0 and amount_minor),
  currency text,
  issued_on date not null,
  locale text not null,
  template_version text not null,
  -- The facts at the time of issue. A later copy prints the same.
  content jsonb not null,
  content_hash text not null,
  replaces text references donations.receipts,
  void_reason text,
  created_at timestamptz not null default now(),
  unique (organization_id, series, number),
  check (content_hash = encode(sha256(convert_to(content::text, 'UTF8')), 'hex')),
  check ((status = 'void') = (void_reason is not null)),
  check ((kind = 'annual') = (year is not null)),
  check ((amount_minor is null) = (currency is null)),
  check ((amount_minor is null) = (deductible_minor is null)),
  check (kind = 'annual' or amount_minor is not null)
);
create unique index receipts_one_statement on donations.receipts (organization_id, donor_id, year)
  where kind = 'annual' and status = 'issued';
create index receipts_label on donations.receipts (label);
create unique index receipts_replaces on donations.receipts (replaces) where replaces is not null;
create index receipts_donor on donations.receipts (donor_id, created_at);
create index receipts_created on donations.receipts (created_at, id);

-- In place of foreign keys to tables whose rows are never deleted; the columns never change.
create function donations.check_receipt_references() returns trigger language plpgsql as $$
begin
  if exists (select from (select distinct organization_id, organization_version, series, currency from fresh) f
    where not exists (select from donations.organization_versions v
        where v.organization_id = f.organization_id and v.version = f.organization_version)
      or not exists (select from donations.receipt_counters c
        where c.organization_id = f.organization_id and c.series = f.series)
      or f.currency is not null
        and not exists (select from donations.currencies c where c.code = f.currency)) then
    raise exception 'a receipt has an organization version, a series or a currency that is not on record'
      using errcode = 'foreign_key_violation', constraint = 'receipt_references';
  end if;
  return null;
end
$$;
create trigger receipt_references after insert on donations.receipts
  referencing new table as fresh for each statement execute function donations.check_receipt_references();

create table donations.receipt_donations (
  receipt_id text not null,
  donation_id text not null references donations.donations,
  -- That of the receipt, for the index below.
  kind text not null,
  live boolean not null default true,
  primary key (receipt_id, donation_id)
);
-- One live receipt of each kind, any number of others; also finds all receipts of a donation.
create unique index receipt_donations_one_live on donations.receipt_donations
  (donation_id, (case when live then kind else receipt_id end));
-- In place of foreign keys: receipts are never deleted, and neither their ids nor their kinds change.
create function donations.check_receipt_donations() returns trigger language plpgsql as $$
begin
  if exists (select from fresh f where not exists (
    select from donations.receipts r where r.id = f.receipt_id and r.kind = f.kind)) then
    raise exception 'a gift has a receipt that is not on record, or is of another kind'
      using errcode = 'foreign_key_violation', constraint = 'receipt_donations_receipt';
  end if;
  return null;
end
$$;
create trigger receipt_donations_receipt after insert on donations.receipt_donations
  referencing new table as fresh for each statement execute function donations.check_receipt_donations();
create function donations.refuse_other_receipt() returns trigger language plpgsql as $$
begin
  raise exception 'the receipt of a row of donations.% never changes', tg_table_name
    using errcode = 'check_violation', constraint = tg_table_name || '_receipt';
end
$$;
create trigger receipt_donations_kept before update of receipt_id, kind on donations.receipt_donations
  for each row when ((old.receipt_id, old.kind) is distinct from (new.receipt_id, new.kind))
  execute function donations.refuse_other_receipt();

create function donations.refuse_receipt_change() returns trigger language plpgsql as $$
begin
  raise exception 'receipt % is issued: what it says never changes', old.id
    using errcode = 'check_violation', constraint = 'receipt_immutable';
end
$$;
-- Only the status and its reason may change.
create trigger receipt_immutable after update on donations.receipts
  for each row when ((to_jsonb(old) - '{status,void_reason}'::text[]) is distinct from (to_jsonb(new) - '{status,void_reason}'::text[]))
  execute function donations.refuse_receipt_change();
create trigger receipt_kept before delete or truncate on donations.receipts
  for each statement execute function donations.refuse_change();
create trigger receipt_transition before update of status on donations.receipts
  for each row when (old.status is distinct from new.status and (old.status, new.status) not in (
    ('issued', 'void')
  )) execute function donations.refuse_transition('receipt');
create function donations.end_receipt() returns trigger language plpgsql as $$
begin
  update donations.receipt_donations set live = false where receipt_id = new.id;
  return null;
end
$$;
create trigger receipt_void after update of status on donations.receipts
  for each row when (new.status = 'void') execute function donations.end_receipt();

create table donations.receipt_templates (
  hash text primary key check (hash ~ '^[0-9a-f]{64}$'),
  subject text not null,
  html text not null,
  text text not null,
  created_at timestamptz not null default now()
);
comment on table donations.receipt_templates is 'The templates that mails were written with: what was sent can be seen, and sent again, as it was.';
create trigger receipt_templates_append_only before update or delete or truncate on donations.receipt_templates
  for each statement execute function donations.refuse_change();

create table donations.receipt_deliveries (
  -- Not a regular expression: Postgres checks it again with each update.
  id text primary key check (starts_with(id, 'dlv_') and length(id) = 30),
  receipt_id text not null,
  -- paper: it was printed, and a person hands it over. It is accepted from the start.
  channel text not null default 'email' check (channel in ('email', 'paper')),
  kind text not null check (kind in ('original', 'copy')),
  recipient text not null,
  -- A person decided to send it although mail to this address failed before.
  forced boolean not null default false,
  status text not null check (status in ('pending', 'sending', 'accepted', 'held', 'failed')),
  -- The job that sends this delivery.
  job_id bigint,
  -- The attempt that is sending this delivery. Another attempt that finds a claim does not send.
  claim uuid,
  claimed_at timestamptz,
  -- How often it was sent again, by policy or by a person, although an earlier mail may have gone
  -- out.
  resends smallint not null default 0,
  message_id text,
  accepted_at timestamptz,
  -- The digest of the templates of the mail, which are stored before it is sent. Null for
  -- SendGrid's own.
  template text,
  reason text,
  -- What resolves an unknown outcome: the event or the person, for people. If it exists before the
  -- outcome is unknown, nothing more is sent.
  evidence text,
  created_at timestamptz not null default now(),
  -- The mail was accepted, but the provider reported later that it did not arrive.
  bounced_at timestamptz,
  bounce_reason text,
  -- The delivery that replaced one that bounced.
  sent_again_as text references donations.receipt_deliveries,
  -- The index uses this column instead of the status, which changes with every send. An update that
  -- changes no indexed column touches no index.
  needs_attention boolean generated always as (status in ('held', 'failed')) stored,
  -- There is evidence that is not applied yet.
  proved boolean generated always as (evidence is not null and accepted_at is null) stored,
  check (status not in ('sending', 'accepted') or claim is not null or evidence is not null),
  check ((status = 'accepted') = (accepted_at is not null)),
  check (status not in ('held', 'failed') or reason is not null),
  check (status <> 'accepted' or reason is null),
  check ((bounced_at is null) = (bounce_reason is null)),
  check (channel = 'email' or (status = 'accepted' and job_id is null and evidence is not null))
) with (fillfactor = 70);
-- One original by each channel, any number of copies; also finds all deliveries of a receipt. A receipt
-- whose mail failed for good can be printed.
create unique index receipt_deliveries_one_original on donations.receipt_deliveries
  (receipt_id, (case when kind = 'original' then channel else id end));
create index receipt_deliveries_job on donations.receipt_deliveries (job_id) where job_id is not null;
create index receipt_deliveries_attention on donations.receipt_deliveries (created_at, id) where needs_attention;
create index receipt_deliveries_bounced on donations.receipt_deliveries (bounced_at) where bounced_at is not null;
create index receipt_deliveries_proved on donations.receipt_deliveries (id) where proved;
create index receipt_deliveries_created on donations.receipt_deliveries (created_at, id);
create function donations.check_deliveries() returns trigger language plpgsql as $$
begin
  if exists (select from fresh f where not exists (select from donations.receipts r where r.id = f.receipt_id)) then
    raise exception 'a delivery has a receipt that is not on record'
      using errcode = 'foreign_key_violation', constraint = 'receipt_deliveries_receipt';
  end if;
  return null;
end
$$;
create trigger receipt_deliveries_receipt after insert on donations.receipt_deliveries
  referencing new table as fresh for each statement execute function donations.check_deliveries();
create trigger receipt_deliveries_kept before update of receipt_id on donations.receipt_deliveries
  for each row when (old.receipt_id is distinct from new.receipt_id)
  execute function donations.refuse_other_receipt();
create trigger delivery_transition before update of status on donations.receipt_deliveries
  for each row when (old.status is distinct from new.status and (old.status, new.status) not in (
    ('pending', 'sending'),
    ('pending', 'failed'),
    -- Evidence arrived that an earlier mail went out, before this delivery was sent again.
    ('pending', 'accepted'),
    -- The retry of an unknown outcome was cancelled.
    ('pending', 'held'),
    -- The mail was certainly not sent, so it can be sent again.
    ('sending', 'pending'),
    ('sending', 'accepted'),
    ('sending', 'held'),
    ('sending', 'failed'),
    -- Resolved by evidence or by a person.
    ('held', 'accepted'),
    ('held', 'pending'),
    ('held', 'failed'),
    ('failed', 'pending'),
    ('failed', 'sending'),
    -- The answer to an earlier mail arrived after a person had given up on it.
    ('failed', 'accepted')
  )) execute function donations.refuse_transition('delivery');

create table donations.address_problems (
  email text primary key check (email = lower(email)),
  problem text not null check (problem in ('bounced', 'dropped', 'spam_report', 'unsubscribed')),
  -- The provider's message.
  detail text,
  at timestamptz not null
);
comment on table donations.address_problems is 'Addresses that get no mail, as the mail provider tells. One that takes a mail again is taken off.';

create table donations.webhook_events (
  key text primary key,
  provider text not null check (provider in ('stripe', 'sendgrid')),
  type text not null,
  subject text,
  received_at timestamptz not null default now()
);
-- Maintenance deletes events older than the retention.
create index webhook_events_subject on donations.webhook_events (subject);
create index webhook_events_received on donations.webhook_events (received_at);
comment on table donations.webhook_events is 'Providers send events again and out of order; the key says which were seen.';
