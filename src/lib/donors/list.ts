import type { Queryable } from '../db/database.ts';
import { type BoundedCount, countRows, fromCursor, type Paging, toCursor } from '../db/page.ts';
import {
  Bindings,
  type Conditions,
  compileFilter,
  isSince,
  matches,
  matchesAnyCase,
  resembles,
} from '../filter/compile.ts';
import { type DonorFilter, type DonorTerm, hasAddress, isDonor } from './vocabulary.ts';

/** A donor in lists. */
export interface ListedDonor {
  id: string;
  kind: 'person' | 'organization';
  name: string;
  email: string | null;
  city: string | null;
  country: string | null;
  /** Gifts whose money came, and what of it was kept, by currency. */
  gifts: number;
  given: { currency: string; minor: bigint }[];
  lastGiftOn: string | null;
  createdAt: Date;
}

const CONDITIONS: Conditions<DonorTerm> = {
  donor: isDonor('d.id'),
  name: resembles('d.name'),
  email: hasAddress('d.id'),
  kind: matches('d.kind'),
  city: resembles('d.city'),
  country: matchesAnyCase('d.country'),
  source: (term, bindings) =>
    `d.id in (select s.donor_id from donations.donor_sources s
      where ${matches('s.source')(term, bindings)} or ${matches('s.source_id')(term, bindings)})`,
  since: isSince('d.created_at'),
};

const ORDER = 'donors newest';

/** One page of the donors that a filter lets through, the latest known first. */
export async function listDonors(
  tx: Queryable,
  filter: DonorFilter,
  { limit, after }: Paging,
): Promise<{ donors: ListedDonor[]; total: BoundedCount; next: string | undefined }> {
  const bindings = new Bindings();
  const where = ['true', ...compileFilter(filter, CONDITIONS, bindings)];
  const select = `select 1 from donations.donors d where ${where.join(' and ')}`;
  const total = await countRows(tx, [select], bindings.values);
  if (after !== undefined) {
    const [at, id] = fromCursor(after, ORDER).map((value) => bindings.add(value));
    where.push(`(d.created_at, d.id) < (${at}::timestamptz, ${id})`);
  }
  const { rows } = await tx.query<Row>(
    `with page as materialized (
       select d.* from donations.donors d where ${where.join(' and ')}
       order by d.created_at desc, d.id desc limit ${limit + 1}
     )
     select d.id, d.kind, d.name, e.email, d.city, d.country, d.created_at as "createdAt",
       d.created_at::text as at, coalesce(g.gifts, 0)::int as gifts,
       coalesce(g.given, '[]') as given, g.last::text as "lastGiftOn"
     from page d
     left join donations.donor_emails e on e.donor_id = d.id and e.is_primary
     left join lateral (${GIFTS}) g on true
     order by d.created_at desc, d.id desc`,
    bindings.values,
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    donors: rows.slice(0, limit).map(({ at: _, given, ...donor }) => ({
      ...donor,
      given: given.map(({ currency, minor }) => ({ currency, minor: BigInt(minor) })),
    })),
    total,
    next: last && toCursor(ORDER, [last.at, last.id]),
  };
}

type Row = Omit<ListedDonor, 'given'> & {
  at: string;
  given: { currency: string; minor: string }[];
};

/** SQL: the gifts of donor `d` whose money came, without what was given back. */
const GIFTS = `
  select sum(of.gifts) as gifts, max(of.last) as last,
    json_agg(json_build_object('currency', of.currency, 'minor', of.minor::text) order by of.currency) as given
  from (
    select o.currency, count(*) as gifts, max(o.gift_on) as last,
      sum(o.amount_minor - coalesce((select max(f.total_minor) from donations.refunds f where f.donation_id = o.id), 0)) as minor
    from donations.donations o
    where o.donor_id = d.id and o.status in ('succeeded', 'partly_refunded', 'refunded', 'disputed')
    group by o.currency) of`;
