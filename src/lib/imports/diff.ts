import { notFound } from '../errors.ts';
import { decimalAmount } from '../money.ts';
import type { ImportSession } from './match/session.ts';

/** A gift that is not the same in the file and in what was imported. */
export interface GiftDifference {
  change: 'changed' | 'added' | 'removed';
  /** In the file; null for one that is only in the database. */
  line: number | null;
  donation: string | null;
  donor: string;
  /** What differs, in words; of an added or removed one what it is. */
  what: string;
}

export interface FileDifference {
  batch: string;
  same: number;
  differences: GiftDifference[];
}

interface Side {
  amount: bigint | null;
  currency: string | null;
  gift_on: string | null;
  method: string | null;
  check_number: string | null;
  donor: string | null;
  campaign: string | null;
  appeal: string | null;
  funds: string | null;
}

interface Row {
  line: number | null;
  donation: string | null;
  file: Side;
  here: Side;
}

const side = (table: string) =>
  `json_build_object('amount', ${table}.amount_minor::text, 'currency', ${table}.currency, 'gift_on', ${table}.gift_on,
    'method', ${table}.method, 'check_number', ${table}.check_number, 'donor', ${table}.donor_name,
    'campaign', ${table}.campaign, 'appeal', ${table}.appeal, 'funds', ${table}.funds)`;

/**
 * Compares the gifts in `staged` with those that a batch imported, gift by gift: by the source's id, else
 * by what they say, else by donor in the order of their dates.
 * @param batch undefined: the one that has most of them.
 */
export async function diffStaged(
  session: ImportSession,
  batch: string | undefined,
  limit: number,
): Promise<FileDifference> {
  const id = await chooseBatch(session, batch);
  await session.query(
    `create temp table file as select line, fingerprint, occurrence, amount_minor, currency, gift_on, method, check_number,
       donor_name, campaign, appeal, source_id, part,
       (select string_agg(f || ' ' || m, ', ' order by f) from
         (values (fund_1, fund_1_minor), (fund_2, fund_2_minor), (fund_3, fund_3_minor)) v(f, m) where f is not null) as funds
     from staged`,
  );
  await session.query(
    `create temp table here as select i.fingerprint, i.occurrence, d.id, d.amount_minor, d.currency, d.gift_on, d.method,
       d.check_number, n.name as donor_name, d.campaign, d.appeal,
       (select string_agg(a.fund || ' ' || a.amount_minor, ', ' order by a.fund) from donations.allocations a
         where a.donation_id = d.id) as funds
     from donations.import_rows i join donations.donations d on d.id = i.donation_id
     join donations.donors n on n.id = d.donor_id where i.batch_id = '${id}'`,
  );
  const pairs = `
    with met as (
      select f.*, h.id from file f join here h on h.fingerprint = f.fingerprint and h.occurrence = f.occurrence
    ), file_rest as (
      select f.*, row_number() over (partition by donations.match_key(donor_name) order by gift_on, line) as place
      from file f where not exists (select from met where met.line = f.line and met.part = f.part)
    ), here_rest as (
      select h.*, row_number() over (partition by donations.match_key(donor_name) order by gift_on, id) as place
      from here h where not exists (select from met where met.id = h.id)
    ), pairs as (
      select f.line, h.id as donation, ${side('f')} as file, ${side('h')} as here
      from met f join here h on h.id = f.id
      union all
      select f.line, h.id, ${side('f')}, ${side('h')}
      from file_rest f full join here_rest h
        on donations.match_key(h.donor_name) = donations.match_key(f.donor_name) and h.place = f.place
    )`;
  const { rows: counts } = await session.query<{ same: number }>(
    `${pairs} select count(*)::int as same from pairs where file::text = here::text`,
  );
  const { rows } = await session.query<Row>(
    `${pairs} select * from pairs where file::text <> here::text order by line nulls last, donation limit $1`,
    [limit],
  );
  return { batch: id, same: counts[0]?.same ?? 0, differences: rows.map(describe) };
}

async function chooseBatch(session: ImportSession, batch: string | undefined): Promise<string> {
  const { rows } =
    batch === undefined
      ? await session.query<{ id: string }>(
          `select i.batch_id as id from staged s join donations.import_rows i
             on i.fingerprint = s.fingerprint and i.occurrence = s.occurrence
           group by 1 order by count(*) desc, 1 desc limit 1`,
        )
      : await session.query<{ id: string }>(
          `select id from donations.batches where starts_with(id, $1) and status <> 'undone' order by id limit 1`,
          [batch],
        );
  if (rows[0]) return rows[0].id;
  throw notFound(
    batch === undefined ? 'no import has any of these gifts' : `there is no import ${batch}`,
    'Name the import to compare with: donations import diff FILE BATCH; see donations import list.',
  );
}

const WORDS: [keyof Side, string][] = [
  ['donor', 'donor'],
  ['gift_on', 'date'],
  ['method', 'method'],
  ['check_number', 'check number'],
  ['funds', 'funds'],
  ['campaign', 'campaign'],
  ['appeal', 'appeal'],
];

function describe({ line, donation, file, here }: Row): GiftDifference {
  const donor = file.donor ?? here.donor ?? '';
  if (donation === null) return { change: 'added', line, donation, donor, what: summary(file) };
  if (line === null) return { change: 'removed', line, donation, donor, what: summary(here) };
  const differences: string[] = [];
  if (file.amount !== here.amount || file.currency !== here.currency)
    differences.push(`amount ${money(here)} → ${money(file)}`);
  for (const [field, word] of WORDS) {
    // Shares are sums of the amount: told only if the funds themselves differ.
    if (file[field] === here[field]) continue;
    if (field === 'funds' && namesOf(file.funds) === namesOf(here.funds)) continue;
    differences.push(`${word} ${here[field] ?? 'none'} → ${file[field] ?? 'none'}`);
  }
  return { change: 'changed', line, donation, donor, what: differences.join('; ') };
}

const namesOf = (funds: string | null) => funds?.replace(/ \d+(?=,|$)/g, '') ?? '';
const money = ({ amount, currency }: Side) =>
  `${currency?.toUpperCase()} ${decimalAmount({ minor: BigInt(amount ?? 0), currency: currency ?? 'usd' })}`;
const summary = (side: Side) =>
  [side.gift_on, money(side), side.method, side.check_number].filter(Boolean).join('  ');
