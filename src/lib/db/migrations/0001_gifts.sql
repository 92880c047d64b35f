-- Gifts: donors, donations, and what became of their money.
-- What must never be wrong is refused by the database, whichever program writes.

-- The state machines. A row may only take the steps listed here; the function is called for any other.
create function donations.refuse_transition() returns trigger language plpgsql as $$
begin
  raise exception '% % cannot go from % to %', tg_argv[0], old.id, old.status, new.status
    using errcode = 'check_violation', constraint = tg_argv[0] || '_transition';
end
$$;
-- History is only added to.
create function donations.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'donations.% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

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
