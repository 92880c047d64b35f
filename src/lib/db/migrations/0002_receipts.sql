-- Receipts, how they are delivered, and what providers tell of them.

create table donations.receipt_counters (
  series text primary key,
  last_number bigint not null check (last_number >= 0)
);
comment on table donations.receipt_counters is 'Incremented in the transaction that issues: issued and void receipts together are 1..last_number. A sequence would leave gaps.';

create table donations.receipts (
  id text primary key check (id ~ '^rcp_[0-9a-z]{26}$'),
  donation_id text not null references donations.donations,
  series text not null references donations.receipt_counters,
  number bigint not null check (number > 0),
  status text not null default 'issued' check (status in ('issued', 'void')),
  amount_minor bigint not null check (amount_minor > 0),
  deductible_minor bigint not null check (deductible_minor between 0 and amount_minor),
  currency text not null references donations.currencies,
  received_on date not null,
  issued_on date not null,
  locale text not null,
  template_version text not null,
  -- The facts as they were when it was issued: what is sent again years later is what was sent.
  content jsonb not null,
  content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
  replaces text references donations.receipts,
  created_at timestamptz not null default now(),
  unique (series, number)
);
create unique index receipts_one_live_per_donation on donations.receipts (donation_id) where status = 'issued';
create index receipts_donation on donations.receipts (donation_id);

create table donations.receipt_deliveries (
  id text primary key check (id ~ '^dlv_[0-9a-z]{26}$'),
  receipt_id text not null references donations.receipts,
  donation_id text not null references donations.donations,
  kind text not null check (kind in ('original', 'copy')),
  recipient text not null,
  status text not null check (status in ('pending', 'sending', 'accepted', 'held', 'failed')),
  job_id bigint,
  -- Who holds it while it is being sent: one attempt of one job. Whoever finds somebody else's claim does not send.
  claim uuid,
  claimed_at timestamptz,
  message_id text,
  accepted_at timestamptz,
  reason text,
  -- What settled an unknown outcome: the event or the person, in words.
  evidence text,
  created_at timestamptz not null default now(),
  -- Indexed in place of the status, which changes with every send: an update that changes no indexed
  -- column touches no index.
  needs_attention boolean generated always as (status in ('held', 'failed')) stored,
  check (status not in ('sending', 'accepted') or claim is not null or evidence is not null),
  check ((status = 'accepted') = (accepted_at is not null)),
  check (status not in ('held', 'failed') or reason is not null)
) with (fillfactor = 70);
create unique index receipt_deliveries_one_original on donations.receipt_deliveries (receipt_id) where kind = 'original';
create index receipt_deliveries_receipt on donations.receipt_deliveries (receipt_id);
create index receipt_deliveries_donation on donations.receipt_deliveries (donation_id);
create index receipt_deliveries_attention on donations.receipt_deliveries (created_at) where needs_attention;
create index receipt_deliveries_attention_job on donations.receipt_deliveries (job_id) where needs_attention;

create trigger receipt_transition before update of status on donations.receipts
  for each row when (old.status is distinct from new.status and (old.status, new.status) not in (
    ('issued', 'void')
  )) execute function donations.refuse_transition('receipt');
create trigger delivery_transition before update of status on donations.receipt_deliveries
  for each row when (old.status is distinct from new.status and (old.status, new.status) not in (
    ('pending', 'sending'),
    ('pending', 'failed'),
    -- Known not to have been sent: it may go again.
    ('sending', 'pending'),
    ('sending', 'accepted'),
    ('sending', 'held'),
    ('sending', 'failed'),
    -- Evidence or a person's decision.
    ('held', 'accepted'),
    ('held', 'pending'),
    ('held', 'failed'),
    ('failed', 'pending'),
    ('failed', 'sending')
  )) execute function donations.refuse_transition('delivery');

create table donations.webhook_events (
  key text primary key,
  provider text not null check (provider in ('stripe', 'sendgrid')),
  type text not null,
  subject text,
  received_at timestamptz not null default now()
);
-- For its upkeep: what is past its retention is deleted.
create index webhook_events_received on donations.webhook_events (received_at);
comment on table donations.webhook_events is 'Providers send events again and out of order; the key says which were seen.';
