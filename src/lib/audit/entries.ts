import type { Queryable } from '../db/database.ts';
import { likeId } from '../db/match.ts';
import { type BoundedCount, countRows, fromCursor, toCursor } from '../db/page.ts';
import { notFound, usageError } from '../errors.ts';
import { givenId } from '../ids.ts';
import type { Subjects } from './about.ts';
import { checkAction } from './actions.ts';

/** An entry with the totals of its chunks. */
export interface AuditEntry {
  id: string;
  at: Date;
  actor: string;
  host: string;
  command: string | null;
  action: string;
  subject: string | null;
  filter: string | null;
  reason: string | null;
  /** Which way a decision went: `sent` or `resend`. */
  outcome: string | null;
  /** How many were changed; null for what has no number. */
  affected: number | null;
}

export interface AuditFilter {
  /** Maximum age in milliseconds. */
  sinceMs?: number | undefined;
  /** From this moment on, and before that one. */
  from?: Date | undefined;
  to?: Date | undefined;
  /** `jobs.retry`, or `jobs` for all actions of that noun. */
  action?: string | undefined;
  /** `grace`, or `grace@host`. */
  actor?: string | undefined;
  /** Only entries about one of these. */
  about?: Subjects | undefined;
  limit: number;
  /** The cursor that the page before ended with. */
  after?: string | undefined;
}

const FIELDS = `a.id, a.at, a.actor, a.host, a.command, a.action, a.subject, a.filter, a.reason,
  a.detail->>'outcome' as outcome,
  case when a.affected is null and c.count = 0 then null
       else (coalesce(a.affected, 0) + c.affected)::int end as affected`;
const CHUNKS = `
  cross join lateral (
    select count(*)::int as count, coalesce(sum(affected), 0) as affected
    from donations.audit_log where operation = a.id) c`;

const CHOSEN = `select * from donations.audit_log
  where operation is null
    and ($1::float8 is null
      or at > now() - make_interval(secs => least($1::float8 / 1000, 3e9)))
    and ($2::text is null or action = $2 or starts_with(action, $2 || '.'))
    and ($3::text is null or actor = $3 or actor || '@' || host = $3)
    and ($4::text[] is null or subject = any ($4) or exists (
      select 1 from donations.audit_log chunk where chunk.operation = audit_log.id
        and chunk.detail #> '{before,jobs}' @> any ($5::jsonb[])))
    and at >= coalesce($6::timestamptz, '-infinity') and at < coalesce($7::timestamptz, 'infinity')`;

const valuesOf = ({ sinceMs, from, to, action, actor, about }: Omit<AuditFilter, 'limit'>) => [
  sinceMs ?? null,
  action ?? null,
  actor ?? null,
  about?.ids ?? null,
  about?.jobs.map((job) => `[${job}]`) ?? null,
  from ?? null,
  to ?? null,
];

const ORDER = 'audit latest';

/** The cursor of the page that follows an entry. */
export const afterEntry = ({ id }: AuditEntry): string => toCursor(ORDER, [id]);

/**
 * What people did, the latest first. The chunks of a bulk change are part of it.
 * @throws UserError `usage` when there is no such action, or the cursor is of another list.
 */
export async function listAudit(db: Queryable, filter: AuditFilter): Promise<AuditEntry[]> {
  const { action, after, limit } = filter;
  if (action !== undefined) await checkAction(db, action);
  const [last = null] = after === undefined ? [] : fromCursor(after, ORDER);
  const { rows } = await db.query<AuditEntry>(
    `with a as materialized (
       ${CHOSEN} and ($8::text is null
         or (at, id) < (select l.at, l.id from donations.audit_log l where l.id = $8))
       order by at desc, id desc limit $9)
     select ${FIELDS} from a ${CHUNKS} order by a.at desc, a.id desc`,
    [...valuesOf(filter), last, limit],
  );
  return rows;
}

/** How many entries a filter lets through. */
export const countAudit = (
  db: Queryable,
  filter: Omit<AuditFilter, 'limit' | 'after'>,
): Promise<BoundedCount> => countRows(db, [CHOSEN], valuesOf(filter));

/** One transaction of a bulk change. */
export interface AuditChunk {
  id: string;
  at: Date;
  affected: number | null;
  detail: Record<string, unknown>;
}

/** One entry with all its facts. */
export interface WholeAuditEntry extends AuditEntry {
  /** For a chunk: the entry of the bulk change. */
  operation: string | null;
  detail: Record<string, unknown>;
  /** The first chunks; `chunkCount` is their number. */
  chunks: AuditChunk[];
  chunkCount: number;
  /** For a discard: how many of its jobs can still be restored. */
  restorable: number;
}

/** The most chunks that are read, because each may name thousands of jobs. */
const MOST_CHUNKS = 20;

/**
 * Finds one entry by its id or an unambiguous prefix.
 * @throws UserError `not_found`, or `usage` when several match.
 */
export async function findAudit(db: Queryable, ref: string): Promise<WholeAuditEntry> {
  const { rows } = await db.query<Omit<WholeAuditEntry, 'chunks'>>(
    `select ${FIELDS}, a.operation, a.detail, c.count as "chunkCount",
       (select count(*)::int from donations.discarded_jobs d
        where d.operation = a.id and d.restored_as is null) as restorable
     from donations.audit_log a ${CHUNKS}
     where starts_with($1, 'aud_') and a.id like $2 limit 2`,
    [givenId(ref), likeId(ref)],
  );
  const [found, other] = rows;
  if (!found) throw notFound(`no audit entry "${ref}"`, 'List the entries: donations audit');
  if (other)
    throw usageError(`"${ref}" matches several audit entries`, 'Type more characters of the id.');
  const chunks = await db.query<AuditChunk>(
    `select id, at, affected, detail from donations.audit_log where operation = $1
     order by at, id limit ${MOST_CHUNKS}`,
    [found.id],
  );
  return { ...found, chunks: chunks.rows };
}
