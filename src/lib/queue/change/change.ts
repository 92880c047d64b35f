import type { Queryable } from '../../db/database.ts';
import type { Params } from '../../filter/compile.ts';
import type { JobState } from '../../filter/terms.ts';
import type { JobSource } from '../read/sources.ts';

/**
 * The jobs of one chunk, locked. Arrays are as Postgres writes them (`{1,2}`) and are handed back as
 * they came: with thousands of jobs a chunk, taking them apart would take longer than changing them.
 */
export interface Chunk {
  state: JobState;
  count: number;
  ids: string;
  /** The donations that they are about; one may be there more than once. */
  donations: string;
}

/** Where a chunk is in the whole change. */
export interface Place {
  /** How many were changed before. */
  first: number;
  total: number;
  /** The audit entry of the change. */
  operation: string;
}

/** A kind of change that is made to many jobs at once. */
export interface Change {
  /** As people say it: retry, discard. */
  verb: string;
  /** As the audit trail says it: `jobs.retry`. */
  action: string;
  /** The states that are meant when the filter names none. */
  states: JobState[];
  /** Why a job of this source is passed over, as SQL: null for one that is not. */
  skip(source: JobSource, params: Params): string;
  /**
   * Changes locked jobs, with whatever belongs to them, in the chunk's transaction.
   * @returns what is true of them now, for the audit trail.
   */
  apply(tx: Queryable, chunk: Chunk, place: Place): Promise<Record<string, unknown>>;
}

/** A skip rule's reasons: the first that holds. */
export const firstOf = (reasons: [condition: string, reason: string][]) =>
  reasons.length === 0
    ? 'null::text'
    : `case ${reasons.map(([when, then]) => `when ${when} then '${then.replaceAll("'", "''")}'`).join(' ')} end`;

/** SQL: whether the verdict `v` leaves open whether the job has had its effect. */
export const UNKNOWN = `(v.decision = 'hold' or v.error_class = 'unknown_outcome')`;
