-- Gifts: donors, donations, charges, refunds and disputes. Constraints and triggers refuse wrong
-- data from any program.
--
-- The files of this folder are one baseline. From the first tagged release on they are never
-- edited: every change is a new file, and files run forward only.

-- State machines. A trigger lists the transitions that are allowed.
create function donations.refuse_transition() returns trigger language plpgsql as $$
begin
  raise exception '% % cannot go from % to %', tg_argv[0], old.id, old.status, new.status
    using errcode = 'check_violation', constraint = tg_argv[0] || '_transition';
end
$$;

-- Append-only tables.
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
create trigger currencies_kept before delete or truncate on donations.currencies
  for each statement execute function donations.refuse_change();

-- Organisations that issue receipts. Receipts print their facts, so each change is a new version.

create table donations.organizations (
  id text primary key check (id ~ '^org_[0-9a-z]{26}$'),
  created_at timestamptz not null default now()
);

create table donations.organization_versions (
  organization_id text not null references donations.organizations,
  version integer not null check (version > 0),
  legal_name text not null check (btrim(legal_name) <> ''),
  address text[] not null check (cardinality(address) > 0),
  tax_id text not null check (btrim(tax_id) <> ''),
  email text not null,
  country text not null check (country ~ '^[A-Z]{2}$'),
  -- BCP 47; used for donors without a locale.
  locale text not null,
  -- IANA name. Gift and receipt dates are days in this time zone.
  time_zone text not null,
  -- Prefix of receipt numbers; null means the year of issue.
  receipt_series text check (receipt_series ~ '^[\w-]{1,20}$'),
  -- Printed on a receipt when the donor got no goods or services.
  no_goods_statement text not null,
  -- Where receipts are issued and who signs them: on official receipts in Canada.
  place_issued text check (btrim(place_issued) <> ''),
  signatory text check (btrim(signatory) <> ''),
  created_at timestamptz not null default now(),
  primary key (organization_id, version)
);
create trigger organization_versions_append_only before update or delete or truncate on donations.organization_versions
  for each statement execute function donations.refuse_change();

-- Donors: persons and organisations. (A length beside `+` is checked four times as fast as `{26}`, which
-- matters to imports.)

create table donations.donors (
  id text primary key check (id ~ '^dnr_[0-9a-z]+$' and length(id) = 30),
  kind text not null default 'person' check (kind in ('person', 'organization')),
  -- As printed on receipts.
  name text not null check (btrim(name) <> '' and length(name) <= 200),
  given_name text check (btrim(given_name) <> ''),
  family_name text check (btrim(family_name) <> ''),
  address_lines text[] not null default '{}',
  city text,
  region text,
  postal_code text,
  country text check (country ~ '^[A-Z]{2}$'),
  -- BCP 47; null means the organisation's locale.
  locale text,
  may_be_mailed boolean not null default true,
  -- The donor is not named in public. The donor's own receipts still have the name.
  anonymous boolean not null default false,
  stripe_customer_id text unique,
  created_at timestamptz not null default now()
);
create index donors_name on donations.donors (lower(name) text_pattern_ops);

create table donations.donor_emails (
  donor_id text not null references donations.donors on delete cascade,
  email text not null check (email ~ '^[^@\s]+@[^@\s]+$' and length(email) <= 254),
  is_primary boolean not null,
  created_at timestamptz not null default now()
);
comment on table donations.donor_emails is 'A donor may have several addresses, and several donors may share one.';
create unique index donor_emails_once on donations.donor_emails (donor_id, lower(email));
create unique index donor_emails_one_primary on donations.donor_emails (donor_id) where is_primary;
create index donor_emails_email on donations.donor_emails (lower(email) text_pattern_ops);

create table donations.donor_sources (
  source text not null,
  source_id text not null,
  donor_id text not null references donations.donors on delete cascade,
  primary key (source, source_id)
);
comment on table donations.donor_sources is 'The ids that other systems gave to donors.';
create index donor_sources_donor on donations.donor_sources (donor_id);

-- Sources of gifts that were recorded together: an import file, or a device that was offline.

create table donations.batches (
  id text primary key check (id ~ '^bat_[0-9a-z]{26}$'),
  kind text not null check (kind in ('import', 'offline')),
  -- The name of the file or the device.
  name text not null,
  file_sha256 text check (file_sha256 ~ '^[0-9a-f]{64}$'),
  status text not null default 'open' check (status in ('open', 'committed', 'undone')),
  actor text not null,
  -- Progress and findings of the import; see src/lib/imports.
  progress jsonb not null default '{}',
  created_at timestamptz not null default now(),
  committed_at timestamptz,
  undone_at timestamptz
);
create index batches_file on donations.batches (file_sha256) where file_sha256 is not null;
create trigger batches_kept before delete or truncate on donations.batches
  for each statement execute function donations.refuse_change();

-- Donations: what was given. The table charges has the card payments.

create table donations.donations (
  id text primary key check (id ~ '^don_[0-9a-z]+$' and length(id) = 30),
  donor_id text not null references donations.donors,
  amount_minor bigint not null check (amount_minor > 0),
  -- A currency and a batch that are on record: see donation_references.
  currency text not null,
  method text not null check (method in ('card', 'check', 'cash', 'wire', 'ach', 'daf', 'in_kind',
    'stock', 'money_order', 'card_offline', 'matching', 'crypto', 'other')),
  status text not null check (status in ('pending', 'processing', 'requires_action', 'failed',
    'succeeded', 'partly_refunded', 'refunded', 'disputed',
    -- Voided by the undo of its batch.
    'void')),
  -- Days in the organisation's time zone. A mailed check counts from its postmark.
  gift_on date not null,
  postmarked_on date,
  received_on date not null,
  deposited_on date,
  campaign text check (btrim(campaign) <> ''),
  appeal text check (btrim(appeal) <> ''),
  check_number text check (btrim(check_number) <> ''),
  -- The name of another system, and its id of the gift.
  source text check (btrim(source) <> ''),
  source_id text check (btrim(source_id) <> ''),
  batch_id text,
  -- The caller's name for the request. The same name again returns the same donation.
  request_id text check (length(request_id) between 1 and 200),
  -- Digest of the gift as first requested, to detect another gift under the same name.
  request_sha256 text check (request_sha256 ~ '^[0-9a-f]{64}$'),
  anonymous boolean not null default false,
  tribute_kind text check (tribute_kind in ('honor', 'memory')),
  tribute_name text check (btrim(tribute_name) <> ''),
  -- Goods or services that the donor got in return, and their fair market value.
  goods_description text check (btrim(goods_description) <> ''),
  goods_value_minor bigint not null default 0,
  in_kind_description text check (btrim(in_kind_description) <> ''),
  note text,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  unique (source, source_id),
  check (source_id is null or source is not null),
  check ((request_id is null) = (request_sha256 is null)),
  check (goods_value_minor between 0 and amount_minor),
  check (goods_value_minor = 0 or goods_description is not null),
  check ((tribute_kind is null) = (tribute_name is null)),
  check ((status in ('pending', 'processing', 'requires_action')) = (settled_at is null))
);
create unique index donations_request on donations.donations (request_id) where request_id is not null;
create index donations_donor on donations.donations (donor_id, created_at);
create index donations_unsettled on donations.donations (created_at) where settled_at is null;
create index donations_created on donations.donations (created_at, id);
create index donations_batch on donations.donations (batch_id) where batch_id is not null;
create index donations_campaign on donations.donations (lower(campaign), created_at) where campaign is not null;
-- In place of foreign keys to tables whose rows are never deleted: one query for all rows of a statement,
-- where a foreign key takes one for each row.
create function donations.check_donation_references() returns trigger language plpgsql as $$
begin
  if exists (select from (select distinct currency from fresh) f
    where not exists (select from donations.currencies c where c.code = f.currency)) then
    raise exception 'a donation has a currency that is not on record'
      using errcode = 'foreign_key_violation', constraint = 'donation_references';
  end if;
  if exists (select from (select distinct batch_id from fresh where batch_id is not null) f
    where not exists (select from donations.batches b where b.id = f.batch_id)) then
    raise exception 'a donation has a batch that is not on record'
      using errcode = 'foreign_key_violation', constraint = 'donation_references';
  end if;
  return null;
end
$$;
create trigger donation_references after insert on donations.donations
  referencing new table as fresh for each statement execute function donations.check_donation_references();
create function donations.refuse_new_reference() returns trigger language plpgsql as $$
begin
  raise exception 'the currency and the batch of donation % never change', old.id
    using errcode = 'check_violation', constraint = 'donation_references';
end
$$;
create trigger donation_references_kept before update of currency, batch_id on donations.donations
  for each row when ((old.currency, old.batch_id) is distinct from (new.currency, new.batch_id))
  execute function donations.refuse_new_reference();
create trigger donation_transition before update of status on donations.donations
  for each row when (old.status is distinct from new.status and (old.status, new.status) not in (
    ('pending', 'processing'),
    ('pending', 'failed'),
    ('processing', 'requires_action'),
    ('processing', 'succeeded'),
    ('processing', 'failed'),
    ('requires_action', 'processing'),
    ('requires_action', 'succeeded'),
    ('requires_action', 'failed'),
    -- Consequences of refunds and disputes.
    ('succeeded', 'partly_refunded'),
    ('succeeded', 'refunded'),
    ('partly_refunded', 'refunded'),
    ('succeeded', 'disputed'),
    ('partly_refunded', 'disputed'),
    ('disputed', 'succeeded'),
    ('disputed', 'partly_refunded'),
    ('disputed', 'refunded'),
    ('succeeded', 'void')
  )) execute function donations.refuse_transition('donation');

create table donations.allocations (
  donation_id text not null references donations.donations on delete cascade,
  fund text not null check (btrim(fund) <> ''),
  amount_minor bigint not null check (amount_minor > 0),
  primary key (donation_id, fund)
);
comment on table donations.allocations is 'To which funds a gift goes. None: it is unrestricted.';
create index allocations_fund on donations.allocations (lower(fund));
create function donations.check_allocations() returns trigger language plpgsql as $$
declare
  gift text := coalesce(new.donation_id, old.donation_id);
begin
  if exists (
    select 1 from donations.donations d
    join (select sum(amount_minor) as total from donations.allocations where donation_id = gift) a on true
    where d.id = gift and a.total is not null and a.total <> d.amount_minor
  ) then
    raise exception 'the allocations of % do not add up to the gift', gift
      using errcode = 'check_violation', constraint = 'allocations_add_up';
  end if;
  return null;
end
$$;
create constraint trigger allocations_add_up after update or delete on donations.allocations
  deferrable initially deferred for each row execute function donations.check_allocations();
-- All allocations that one statement makes, in one query. They are made in the statement that makes the gift.
create function donations.check_new_allocations() returns trigger language plpgsql as $$
declare
  gift text;
begin
  select d.id into gift from (select distinct donation_id from fresh) f
    join donations.donations d on d.id = f.donation_id
    where d.amount_minor <> (select sum(a.amount_minor) from donations.allocations a where a.donation_id = d.id)
    limit 1;
  if gift is not null then
    raise exception 'the allocations of % do not add up to the gift', gift
      using errcode = 'check_violation', constraint = 'allocations_add_up';
  end if;
  return null;
end
$$;
create trigger new_allocations_add_up after insert on donations.allocations
  referencing new table as fresh for each statement execute function donations.check_new_allocations();

create table donations.soft_credits (
  donation_id text not null references donations.donations on delete cascade,
  donor_id text not null references donations.donors,
  amount_minor bigint not null check (amount_minor > 0),
  primary key (donation_id, donor_id)
);
comment on table donations.soft_credits is 'Who else is thanked for a gift. Never counted as revenue.';
create index soft_credits_donor on donations.soft_credits (donor_id);

-- Charges: the card payment of a donation.

create table donations.charges (
  donation_id text primary key references donations.donations on delete cascade,
  -- The payment method that the donation page passed in.
  payment_method text not null check (payment_method ~ '^(pm|tok)_[A-Za-z0-9_]+$' and length(payment_method) <= 255),
  -- The only PaymentIntent that is ever confirmed. It can make at most one successful charge, so
  -- the first id that is written here is never replaced.
  payment_intent_id text unique check (payment_intent_id ~ '^pi_\w+$'),
  -- Stripe's id of the charged payment method, which tokenize_card saves.
  payment_method_id text,
  failure_code text,
  failure_reason text,
  card_brand text,
  card_last4 text check (card_last4 ~ '^\d{4}$'),
  card_exp_month smallint check (card_exp_month between 1 and 12),
  card_exp_year smallint,
  card_saved_at timestamptz,
  created_at timestamptz not null default now(),
  check ((failure_code is null) = (failure_reason is null))
) with (fillfactor = 70);
create index charges_card on donations.charges (card_last4) where card_last4 is not null;
create function donations.refuse_other_payment() returns trigger language plpgsql as $$
begin
  raise exception 'donation % has the payment %, and no other is ever confirmed', old.donation_id, old.payment_intent_id
    using errcode = 'check_violation', constraint = 'charge_one_payment';
end
$$;
create trigger charge_one_payment before update of payment_intent_id on donations.charges
  for each row when (old.payment_intent_id is not null and new.payment_intent_id is distinct from old.payment_intent_id)
  execute function donations.refuse_other_payment();

create table donations.refunds (
  donation_id text not null references donations.donations,
  -- The total refunded so far according to the provider, this refund included. It identifies the
  -- refund.
  total_minor bigint not null check (total_minor > 0),
  amount_minor bigint not null check (amount_minor > 0 and amount_minor <= total_minor),
  -- Where the information came from, for people.
  evidence text not null,
  recorded_at timestamptz not null default now(),
  primary key (donation_id, total_minor)
);
create trigger refunds_append_only before update or delete or truncate on donations.refunds
  for each statement execute function donations.refuse_change();

create table donations.disputes (
  -- Stripe's `dp_…` or `du_…`.
  id text not null,
  status text not null check (status in ('open', 'won', 'lost')),
  donation_id text not null references donations.donations,
  amount_minor bigint not null check (amount_minor > 0),
  recorded_at timestamptz not null default now(),
  primary key (id, status)
);
comment on table donations.disputes is 'One row for each thing that happened to a dispute.';
create index disputes_donation on donations.disputes (donation_id);
create trigger disputes_append_only before update or delete or truncate on donations.disputes
  for each statement execute function donations.refuse_change();
