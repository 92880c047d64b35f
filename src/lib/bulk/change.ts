import type { AuditAction } from '../audit/actions.ts';
import type { Db, Queryable } from '../db/database.ts';

/** What a change would do. */
export interface Plan {
  /** How many rows can be changed. */
  eligible: number;
  /**
   * How many rows will be changed: all eligible ones, or the limit. Effects and examples describe
   * these.
   */
  count: number;
  skipped: { reason: string; count: number }[];
  /** External effects, for people: `412 e-mails to 398 donors`. */
  effects: string[];
  /** A few of the rows, one line each. */
  examples: { id: string; text: string }[];
  /** The time of the plan. Later rows are not part of it. */
  at: Date;
}

/** The words for a change. */
export interface Words {
  /** For example `retry`. */
  verb: string;
  /** For example `Retried`. */
  past: string;
  /** Singular and plural of what is changed: `job`, `jobs`. */
  one: string;
  many: string;
  /** The heading of the effects; undefined when there are none. */
  effects?: string | undefined;
  /** The hint for the next step after the change. */
  next(operation: string): string;
}

/** The confirmation that is required: none, a yes, or typing the number of rows. */
export type Question = 'nothing' | 'yes' | 'count';

/** The position of a chunk in the whole change. */
export interface Place {
  /** How many rows were changed before this chunk. */
  first: number;
  total: number;
  /** The audit entry of the change. */
  operation: string;
}

/** Rows that one transaction has locked for a change. */
export interface Chosen {
  count: number;
  /** Their ids, in a form that only the change itself reads. */
  ids: string;
  /** The position of the walk after these rows. */
  reached: string[];
  /**
   * Changes the rows and what belongs to them.
   * @returns the values before and after, for the audit trail. A string is JSON already.
   */
  change(place: Place): Promise<Record<string, unknown> | string>;
}

/** Walks through the rows that a plan found eligible, chunk by chunk, each row once. */
export interface Walk {
  /** @returns the next rows, locked; undefined at the end. */
  choose(
    tx: Queryable,
    at: { size: number; after: string[] | undefined },
  ): Promise<Chosen | undefined>;
}

/**
 * A change of many rows: planned, shown, confirmed, and applied in chunks. The caller that shows
 * and confirms it (a command, the monitor) is independent of what is changed.
 */
export interface BulkChange<P extends Plan = Plan> {
  words: Words;
  /** The action in the audit trail: `jobs.retry`. */
  action: AuditAction;
  /** The selection, as the operator gave it. */
  scope: string;
  question: Question;
  /** Plans the change of at most `limit` rows. */
  plan(db: Db, limit: number): Promise<P>;
  /** Whether more rows are eligible now than when the plan was made. */
  hasOutgrown(db: Db, plan: P): Promise<boolean>;
  /** Additional lines for the summary of a plan: `[name, text]`. */
  describe(plan: P): [name: string, text: string][];
  /** Warnings for people. */
  warnings(plan: P): string[];
  /** The plan for scripts and for the audit trail. */
  toRecord(plan: P): Record<string, unknown>;
  walks(db: Db, plan: P): Promise<Walk[]>;
}

/** Controls the size of chunks and how many may be under way at once. */
export interface Pacing {
  readonly atOnce: number;
  /** Why the change ended early. */
  readonly stopped: Stop | undefined;
  /** The known outcomes of the changed rows. */
  readonly outcomes: Outcomes;
  /**
   * Called before each chunk with the result of the last finished one. Returns the chunk size; 0
   * ends the change.
   */
  next(last: string | undefined): Promise<number>;
}

export interface Stop {
  code: 'interrupted' | 'canary_failed' | 'too_many_failures' | 'nobody_runs_them';
  message: string;
}

export interface Outcomes {
  succeeded: number;
  failed: number;
  pending: number;
}
