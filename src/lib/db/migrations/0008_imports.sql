-- Imports: which row of which file became which gift, and how donors are recognised.

-- A text without what people write differently: accents, capitals, punctuation, space.
create function donations.match_key(words text) returns text language sql immutable parallel safe as $$
  select case
    when words is null then null
    when octet_length(words) = length(words)
      then translate(lower(words), E' \t\n\r.,;:''"`-_()[]{}/\\&+*#!?@', '')
    else regexp_replace(lower(regexp_replace(normalize(words, NFKD), '[\u0300-\u036f]+', '', 'g')),
      '[[:punct:][:space:]]+', '', 'g')
  end
$$;
comment on function donations.match_key is 'Equal for names and addresses that differ only in accents, capitals, punctuation and space.';

create index donors_match_name on donations.donors (donations.match_key(name));

create table donations.import_rows (
  -- What makes a gift itself: its source's id, else what it says. Identical rows of one file are counted.
  fingerprint uuid not null,
  occurrence integer not null check (occurrence > 0),
  -- That of the donation, for the undo of a batch: see import_row_batch.
  batch_id text not null,
  line integer not null check (line > 0),
  part smallint not null check (part in (0, 1)),
  donation_id text not null references donations.donations on delete cascade,
  primary key (fingerprint, occurrence)
);
comment on table donations.import_rows is 'One row for each gift that an import made: the same gift is never made twice.';
create unique index import_rows_donation on donations.import_rows (donation_id);
-- In place of a foreign key to batches, whose rows are never deleted.
create function donations.check_import_rows() returns trigger language plpgsql as $$
begin
  if exists (select from (select distinct batch_id from fresh) f
    where not exists (select from donations.batches b where b.id = f.batch_id)) then
    raise exception 'an import row has a batch that is not on record'
      using errcode = 'foreign_key_violation', constraint = 'import_row_batch';
  end if;
  return null;
end
$$;
create trigger import_row_batch after insert on donations.import_rows
  referencing new table as fresh for each statement execute function donations.check_import_rows();

create table donations.import_donors (
  donor_id text primary key references donations.donors on delete cascade,
  batch_id text not null references donations.batches
);
comment on table donations.import_donors is 'The donors that an import made: its undo takes back those that nothing else refers to.';
create index import_donors_batch on donations.import_donors (batch_id);

create table donations.import_emails (
  donor_id text not null references donations.donors on delete cascade,
  email text not null,
  batch_id text not null references donations.batches,
  primary key (donor_id, email)
);
comment on table donations.import_emails is 'The e-mail addresses that an import added to donors who were known.';
create index import_emails_batch on donations.import_emails (batch_id);
