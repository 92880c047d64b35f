import type { Place } from '../../bulk/change.ts';
import type { Queryable } from '../../db/database.ts';
import { UserError } from '../../errors.ts';
import type { Bindings } from '../../filter/compile.ts';
import type { JobSource } from '../read/sources.ts';
import type { JobState } from '../states.ts';

/**
 * The jobs of one chunk, locked. Arrays are as Postgres writes them (`{1,2}`) and are handed back as
 * they came: with thousands of jobs a chunk, taking them apart would take longer than changing them.
 */
export interface JobChunk {
  state: JobState;
  count: number;
  ids: string;
}

/** A kind of change that is made to many jobs at once. */
export interface JobChange {
  /** As people say it: `retry`, `Retried`. */
  verb: string;
  past: string;
  /** As the audit trail says it: `jobs.retry`. */
  action: string;
  /** The states that are meant when the filter names none. */
  states: JobState[];
  /** Whether a person is asked even when it is one job that was named. */
  asksForOne: boolean;
  /** What it does to donors is told under this name; undefined when it does nothing to them. */
  effects?: string;
  next(operation: string): string;
  /** Why a job of this source is passed over, as SQL: null for one that is not. */
  skip(source: JobSource, bindings: Bindings): string;
  /**
   * Changes locked jobs, with whatever belongs to them, in the chunk's transaction.
   * @returns what is true of them now, for the audit trail.
   */
  apply(tx: Queryable, chunk: JobChunk, place: Place): Promise<Record<string, unknown>>;
}

/** A skip rule's reasons: the first that holds. */
export const firstOf = (reasons: [condition: string, reason: string][]) =>
  reasons.length === 0
    ? 'null::text'
    : `case ${reasons.map(([when, then]) => `when ${when} then '${then.replaceAll("'", "''")}'`).join(' ')} end`;

/** SQL: whether the verdict `v` leaves open whether the job has had its effect. */
export const UNKNOWN = `(v.decision = 'hold' or v.error_class = 'unknown_outcome')`;

/**
 * Every job of the chunk was changed. A worker may have begun one of them between the look and the
 * change; then the whole chunk is left as it was.
 *
 * @throws UserError `try_again`.
 */
export function changedAll(chunk: JobChunk, changed: number): void {
  if (changed === chunk.count) return;
  throw new UserError(
    'try_again',
    `${chunk.count - changed} of ${chunk.count} jobs were begun meanwhile`,
    'None of these was changed. The same command does the rest.',
  );
}

/** What comes next after most changes. */
export const seeStats = (operation: string) =>
  `Next: donations jobs stats\nWhat was done: donations audit show ${operation}`;
