import type { Queryable } from '../../db/database.ts';
import { type BoundedCount, COUNT_BOUND, countRows, fromCursor, toCursor } from '../../db/page.ts';
import { Bindings } from '../../filter/compile.ts';
import type { JobState } from '../states.ts';
import { findKnownDonations } from './known-donations.ts';
import { conditionsOf, type JobSource, sourcesOf } from './sources.ts';
import type { JobFilter } from './vocabulary.ts';

/** One job in the queue. */
export interface ListedJob {
  id: string;
  task: string;
  queue: string | null;
  state: JobState;
  attempts: number;
  maxAttempts: number;
  runAt: Date;
  /** When the job got into its state; see JobSource. */
  at: Date;
  createdAt: Date;
  lockedBy: string | null;
  error: string | null;
  errorClass: string | null;
  errorCode: string | null;
  fingerprint: string | null;
  donation: string | null;
  donor: string | null;
  donorName: string | null;
  donorEmail: string | null;
}

export type Sort = 'newest' | 'oldest' | 'attempts';

export interface Page {
  jobs: ListedJob[];
  /** The value of `after` for the next page; undefined on the last page. */
  next: string | undefined;
}

interface Key {
  /** The sort columns for a source, and their types. */
  columns: (source: JobSource) => string[];
  types: string[];
  descending: boolean;
}

/** Chooses the order that the indexes of the selected states provide without sorting. */
function keyFor(sources: JobSource[], sort: Sort | undefined): Key {
  const [natural, ...others] = new Set(sources.map((source) => source.natural));
  const waiting = natural === 'queue' && others.length === 0;
  if (sort === 'attempts') {
    return { columns: ({ id }) => ['j.attempts', id], types: ['int', 'bigint'], descending: true };
  }
  const descending = (sort ?? (waiting ? 'oldest' : 'newest')) === 'newest';
  if (waiting) {
    return {
      columns: () => ['j.priority', 'j.run_at', 'j.id'],
      types: ['int', 'timestamptz', 'bigint'],
      descending,
    };
  }
  if (natural === 'time' && others.length === 0) {
    return { columns: ({ at, id }) => [at, id], types: ['timestamptz', 'bigint'], descending };
  }
  return { columns: ({ id }) => [id], types: ['bigint'], descending };
}

/**
 * One page of the jobs that a filter selects. Waiting jobs are sorted by run time, others newest
 * first. A page starts after the last job of the previous one.
 *
 * @throws UserError `usage` when `after` is not from a list of the same order.
 */
export async function listJobs(
  tx: Queryable,
  filter: JobFilter,
  { sort, limit, after }: { sort?: Sort | undefined; limit: number; after?: string | undefined },
): Promise<Page> {
  const sources = sourcesOf(filter);
  if (sources.length === 0) return { jobs: [], next: undefined };
  const known = await findKnownDonations(tx, filter);
  const key = keyFor(sources, sort);
  const names = key.types.map((_, i) => `k${i}`);
  const direction = key.descending ? 'desc' : 'asc';
  const by = (columns: string[]) => columns.map((column) => `${column} ${direction}`).join(', ');
  const bindings = new Bindings();
  const beyond = after === undefined ? undefined : cursorPlaces(after, key, bindings);
  const parts = sources.map((source) => {
    const columns = key.columns(source);
    const where = [conditionsOf(source, filter, known, bindings)];
    if (beyond)
      where.push(`(${columns.join(', ')}) ${key.descending ? '<' : '>'} (${beyond.join(', ')})`);
    return `(select '${source.state}' as state, j.id, ${source.at} as at,
        ${columns.map((column, i) => `${column} as k${i}`).join(', ')}
      from ${source.from} where ${where.join(' and ')} order by ${by(columns)} limit ${limit + 1})`;
  });
  const { rows } = await tx.query<ListedJob & { cursor: string[] }>(
    `with page as materialized (
       select * from (${parts.join(' union all ')}) found order by ${by(names)} limit ${limit + 1}
     )
     select p.state, p.at, j.id::text, t.identifier as task, q.queue_name as queue, 
       coalesce(v.attempt, j.attempts)::int as attempts, j.max_attempts::int as "maxAttempts",
       j.run_at as "runAt", j.created_at as "createdAt", j.locked_by as "lockedBy",
       coalesce(v.message, j.last_error) as error,
       v.error_class as "errorClass", v.error_code as "errorCode", v.fingerprint,
       d.donor_id as donor, n.name as "donorName", e.email as "donorEmail",
       coalesce(v.donation_id, j.payload->>'donation_id') as donation,
       array[${names.map((name) => `p.${name}::text`).join(', ')}] as cursor
     from page p
     join graphile_worker._private_jobs j on j.id = p.id
     join graphile_worker._private_tasks t on t.id = j.task_id
     left join graphile_worker._private_job_queues q on q.id = j.job_queue_id
     left join donations.job_verdicts v
       on v.job_id = p.id and v.decision <> 'retry' and p.state in ('failed', 'held')
     left join donations.donations d on d.id = coalesce(v.donation_id, j.payload->>'donation_id')
     left join donations.donors n on n.id = d.donor_id
     left join donations.donor_emails e on e.donor_id = n.id and e.is_primary
     order by ${by(names.map((name) => `p.${name}`))}`,
    bindings.values,
  );
  const jobs = rows.slice(0, limit).map(({ cursor: _, ...job }) => job);
  const last = rows.length > limit ? rows[limit - 1]?.cursor : undefined;
  return { jobs, next: last && toCursor(orderOf(key), last) };
}

/** Counts the jobs that a filter selects, up to a bound. */
export async function countJobs(
  tx: Queryable,
  filter: JobFilter,
  bound = COUNT_BOUND,
): Promise<BoundedCount> {
  const sources = sourcesOf(filter);
  if (sources.length === 0) return { count: 0, more: false };
  const known = await findKnownDonations(tx, filter);
  const bindings = new Bindings();
  return countRows(
    tx,
    sources.map(
      (source) =>
        `select 1 from ${source.from} where ${conditionsOf(source, filter, known, bindings)}`,
    ),
    bindings.values,
    bound,
  );
}

const orderOf = ({ types, descending }: Key) => `${types.join()} ${descending}`;

const cursorPlaces = (cursor: string, key: Key, bindings: Bindings): string[] =>
  fromCursor(cursor, orderOf(key)).map((value, i) => `${bindings.add(value)}::${key.types[i]}`);
