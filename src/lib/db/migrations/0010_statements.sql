-- Statements of the gifts of a year, and receipts on paper.

alter table donations.receipts
  -- Of a statement: the year of its gifts.
  add column year smallint check (year between 1900 and 2999),
  -- Null on a statement in several currencies, or of property alone.
  alter column amount_minor drop not null,
  alter column deductible_minor drop not null,
  alter column currency drop not null,
  add check ((kind = 'annual') = (year is not null)),
  add check ((amount_minor is null) = (currency is null)),
  add check ((amount_minor is null) = (deductible_minor is null)),
  add check (kind = 'annual' or amount_minor is not null);
create unique index receipts_one_statement on donations.receipts (organization_id, donor_id, year)
  where kind = 'annual' and status = 'issued';

alter table donations.receipt_deliveries
  -- paper: it was printed, and a person hands it over. It is accepted from the start.
  add column channel text not null default 'email' check (channel in ('email', 'paper')),
  add check (channel = 'email' or (status = 'accepted' and job_id is null and evidence is not null));
-- A receipt whose mail failed for good can be printed.
drop index donations.receipt_deliveries_one_original;
-- It also finds all deliveries of a receipt.
create unique index receipt_deliveries_one_original on donations.receipt_deliveries
  (receipt_id, (case when kind = 'original' then channel else id end));
