-- Gift Aid (United Kingdom): what donors declared, so that the charity can claim basic rate tax.

create table donations.gift_aid_declarations (
  id text primary key check (id ~ '^gad_[0-9a-z]{26}$'),
  donor_id text not null references donations.donors,
  -- The day on which the donor made it, and how.
  made_on date not null,
  how text not null check (how in ('written', 'oral', 'online')),
  -- The gifts that it covers, by their dates; null: all later ones.
  covers_from date not null,
  covers_to date,
  -- The donor's full name and home address as the donor declared them. Later moves change nothing here.
  name text not null check (btrim(name) <> ''),
  address text[] not null check (cardinality(address) > 0),
  postal_code text check (btrim(postal_code) <> ''),
  -- Where the form, the web log or the recording is kept.
  record text check (btrim(record) <> ''),
  -- The day on which an oral declaration was confirmed to the donor in writing.
  confirmed_on date,
  -- The day on which the donor cancelled it. Gifts from this day on are not covered.
  withdrawn_on date,
  created_at timestamptz not null default now(),
  check (covers_to >= covers_from),
  check (covers_from >= made_on - interval '4 years'),
  check (withdrawn_on >= made_on),
  check (confirmed_on is null or (how = 'oral' and confirmed_on >= made_on)),
  -- An oral declaration counts only if it was recorded or confirmed in writing.
  check (how <> 'oral' or record is not null or confirmed_on is not null)
);
create unique index gift_aid_declarations_once
  on donations.gift_aid_declarations (donor_id, made_on, how, covers_from, coalesce(covers_to, 'infinity'));

create function donations.refuse_declaration_change() returns trigger language plpgsql as $$
begin
  raise exception 'declaration % is made: it can only be withdrawn, once', old.id
    using errcode = 'check_violation', constraint = 'declaration_immutable';
end
$$;
create trigger declaration_immutable before update on donations.gift_aid_declarations
  for each row when (old.withdrawn_on is not null
    or (to_jsonb(old) - 'withdrawn_on') is distinct from (to_jsonb(new) - 'withdrawn_on'))
  execute function donations.refuse_declaration_change();
create trigger declaration_kept before delete or truncate on donations.gift_aid_declarations
  for each statement execute function donations.refuse_change();
