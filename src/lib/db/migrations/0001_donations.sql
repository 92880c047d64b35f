-- The domain: donors, donations, receipts, and what happens to them.
-- What must never be wrong is refused by the database, whichever program writes.

create table donations.settings (
  key text primary key,
  value text not null
);
comment on table donations.settings is 'What this database remembers of itself; "mode" (sandbox, test, live) is set by the first command and never changes.';

create table donations.currencies (
  code text primary key check (code ~ '^[a-z]{3}$')
);
comment on table donations.currencies is 'ISO 4217, lower case; filled at migration from src/lib/money.ts.';

create table donations.donors (
  id text primary key check (id ~ '^dnr_[0-9a-z]{26}$'),
  name text not null check (btrim(name) <> ''),
  email text not null check (email ~ '^[^@\s]+@[^@\s]+$'),
  locale text not null default 'en-US',
  address text[] not null default '{}',
  stripe_customer_id text unique,
  created_at timestamptz not null default now()
);
-- One person is name and address together: a family may share an e-mail address.
create unique index donors_identity on donations.donors (lower(email), lower(name));

create table donations.donations (
  id text primary key check (id ~ '^don_[0-9a-z]{26}$'),
  donor_id text not null references donations.donors,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null references donations.currencies,
  status text not null check (status in ('pending', 'processing', 'requires_action', 'succeeded', 'failed')),
  method text not null default 'card' check (method in ('card')),
  fund text check (btrim(fund) <> ''),
  campaign text check (btrim(campaign) <> ''),
  payment_method text not null check (payment_method ~ '^(pm|tok)_[A-Za-z0-9_]+$'),
  -- The idempotency key, and when it was first and last used: past its life it is looked up instead.
  charge_key text,
  charge_first_at timestamptz,
  charge_last_at timestamptz,
  payment_intent_id text unique,
  -- Stripe's own id of the card that was charged: the one to tokenize.
  payment_method_id text,
  failure_code text,
  failure_reason text,
  card_brand text,
  card_last4 text check (card_last4 ~ '^\d{4}$'),
  card_exp_month smallint check (card_exp_month between 1 and 12),
  card_exp_year smallint,
  card_saved_at timestamptz,
  received_on date not null,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  check ((status in ('succeeded', 'failed')) = (settled_at is not null)),
  check (status <> 'succeeded' or payment_intent_id is not null),
  check (status <> 'failed' or failure_code is not null),
  check (card_saved_at is null or status = 'succeeded')
);
create index donations_donor on donations.donations (donor_id, created_at);
create index donations_unsettled on donations.donations (created_at) where settled_at is null;

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

-- The state machines. A row may only take the steps listed here; the function is called for any other.
create function donations.refuse_transition() returns trigger language plpgsql as $$
begin
  raise exception '% % cannot go from % to %', tg_argv[0], old.id, old.status, new.status
    using errcode = 'check_violation', constraint = tg_argv[0] || '_transition';
end
$$;
create trigger donation_transition before update of status on donations.donations
  for each row when (old.status is distinct from new.status and (old.status, new.status) not in (
    ('pending', 'processing'),
    ('pending', 'failed'),
    ('processing', 'requires_action'),
    ('processing', 'succeeded'),
    ('processing', 'failed'),
    ('requires_action', 'processing'),
    ('requires_action', 'succeeded'),
    ('requires_action', 'failed')
  )) execute function donations.refuse_transition('donation');
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

create table donations.audit_log (
  id text primary key check (id ~ '^aud_[0-9a-z]{26}$'),
  at timestamptz not null default now(),
  actor text not null,
  host text not null,
  action text not null,
  subject text,
  reason text,
  detail jsonb not null default '{}'
);
create index audit_log_at on donations.audit_log (at);
create index audit_log_subject on donations.audit_log (subject) where subject is not null;
create function donations.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'donations.% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_log_append_only before update or delete or truncate on donations.audit_log
  for each statement execute function donations.refuse_change();

create table donations.webhook_events (
  key text primary key,
  provider text not null check (provider in ('stripe', 'sendgrid')),
  type text not null,
  subject text,
  received_at timestamptz not null default now()
);
comment on table donations.webhook_events is 'Providers send events again and out of order; the key says which were seen.';
