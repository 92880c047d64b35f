import type { AuditAction } from '../../audit/actions.ts';
import type { Place } from '../../bulk/change.ts';
import type { Queryable } from '../../db/database.ts';
import { UserError } from '../../errors.ts';
import type { Bindings } from '../../filter/compile.ts';
import type { JobSource } from '../read/sources.ts';
import type { JobState } from '../states.ts';

/**
 * The locked jobs of one chunk. Arrays stay in Postgres's text form (`{1,2}`) and are passed back
 * unchanged: with thousands of jobs in a chunk, parsing them would take longer than the change.
 */
export interface JobChunk {
  state: JobState;
  count: number;
  ids: string;
}

/** A kind of change that can be made to many jobs at once. */
export interface JobChange {
  /** The verb in its two forms: `retry`, `Retried`. */
  verb: string;
  past: string;
  /** The action in the audit trail: `jobs.retry`. */
  action: AuditAction;
  /** The states that are selected when the filter names none. */
  states: JobState[];
  /** Whether the command asks for confirmation even if the filter names a single job. */
  asksForOne: boolean;
  /** The heading of the effects on donors; undefined when there are none. */
  effects?: string;
  next(operation: string): string;
  /** SQL: why a job of this source is skipped; null when it is not. */
  skip(source: JobSource, bindings: Bindings): string;
  /**
   * Changes locked jobs and the rows that belong to them, in the chunk's transaction.
   * @returns the new values, for the audit trail.
   */
  apply(tx: Queryable, chunk: JobChunk, place: Place): Promise<Record<string, unknown>>;
}

/** SQL: the first reason whose condition holds, or null. */
export const firstOf = (reasons: [condition: string, reason: string][]) =>
  reasons.length === 0
    ? 'null::text'
    : `case ${reasons.map(([when, then]) => `when ${when} then '${then.replaceAll("'", "''")}'`).join(' ')} end`;

/** SQL: whether the verdict `v` leaves it unknown if the job has taken effect. */
export const UNKNOWN = `(v.decision = 'hold' or v.error_class = 'unknown_outcome')`;

/**
 * Checks that every job of the chunk was changed. A worker may have started one of them between the
 * selection and the change. Then the whole chunk is rolled back.
 *
 * @throws UserError `try_again`.
 */
export function changedAll(chunk: JobChunk, changed: number): void {
  if (changed === chunk.count) return;
  throw new UserError(
    'try_again',
    `${chunk.count - changed} of ${chunk.count} jobs were started meanwhile`,
    'None of these was changed. Run the same command again for the rest.',
  );
}

/** The next step after most changes. */
export const seeStats = (operation: string) =>
  `Next: donations jobs stats\nWhat was done: donations audit show ${operation}`;
