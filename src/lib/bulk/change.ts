import type { Queryable } from '../db/database.ts';
import type { Params } from '../filter/compile.ts';
import type { JobState } from '../filter/terms.ts';
import type { JobSource } from '../queue/job-sources.ts';

/** One job of a chunk, locked, as it was before the change. */
export interface ChosenJob {
  id: string;
  state: JobState;
  attempts: number;
  donation: string | null;
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
   * @param first how many were changed before, for what depends on the order.
   * @returns what is true of them now, for the audit trail.
   */
  apply(
    tx: Queryable,
    jobs: ChosenJob[],
    place: { first: number; total: number; operation: string },
  ): Promise<Record<string, unknown>>;
}

/** A skip rule's reasons: the first that holds. */
export const firstOf = (reasons: [condition: string, reason: string][]) =>
  reasons.length === 0
    ? 'null::text'
    : `case ${reasons.map(([when, then]) => `when ${when} then '${then.replaceAll("'", "''")}'`).join(' ')} end`;

/** SQL: whether the verdict `v` leaves open whether the job has had its effect. */
export const UNKNOWN = `(v.decision = 'hold' or v.error_class = 'unknown_outcome')`;
