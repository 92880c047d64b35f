import type { Db, Queryable } from '../db/database.ts';

/** What a change would do, before anybody does it. */
export interface Plan {
  /** How many could be changed. */
  eligible: number;
  /** How many will be: all of them, or as many as the limit allows. Effects and examples are of these. */
  count: number;
  skipped: { reason: string; count: number }[];
  /** What will happen outside, in the words of those whom it happens to: `412 e-mails to 398 donors`. */
  effects: string[];
  /** A few of them, each in a line. */
  examples: { id: string; text: string }[];
  /** The moment of the plan: what comes later is not part of it. */
  at: Date;
}

/** How a change is spoken of. */
export interface Words {
  /** `retry` */
  verb: string;
  /** `Retried` */
  past: string;
  /** What is changed: `job`, and `jobs` for any other number than one. */
  one: string;
  many: string;
  /** What its effects are told under; undefined when it has none outside. */
  effects?: string | undefined;
  /** What to do next, when it is done. */
  next(operation: string): string;
}

/** What a person is asked before it is done: nothing, a yes, or the number of what will be changed. */
export type Question = 'nothing' | 'yes' | 'count';

/** Where a chunk is in the whole change. */
export interface Place {
  /** How many were changed before. */
  first: number;
  total: number;
  /** The audit entry of the change. */
  operation: string;
}

/** Rows that one transaction has locked and is going to change. */
export interface Chosen {
  count: number;
  /** Which they are, in a form that only the change itself knows. */
  ids: string;
  /** Where the walk has come to. */
  reached: string[];
  /**
   * Changes them, with whatever belongs to them.
   * @returns what was before and what is now, for the audit trail; a text is JSON already.
   */
  change(place: Place): Promise<Record<string, unknown> | string>;
}

/** A way through the rows that a plan found eligible: chunk by chunk, each once. */
export interface Walk {
  /** @returns the next rows, locked; undefined when there are no more. */
  choose(
    tx: Queryable,
    at: { size: number; after: string[] | undefined },
  ): Promise<Chosen | undefined>;
}

/**
 * A change of many rows: planned, shown, confirmed, and made in chunks. Whoever shows and confirms it
 * (a command, the monitor) needs to know nothing of what is changed.
 */
export interface BulkChange<P extends Plan = Plan> {
  words: Words;
  /** As the audit trail says it: `jobs.retry`. */
  action: string;
  /** What it is made to, as the operator said it. */
  scope: string;
  question: Question;
  /** Looks what it would do, to so many at most. */
  plan(db: Db, limit: number): Promise<P>;
  /** Whether more are eligible now than there were at the plan. */
  hasOutgrown(db: Db, plan: P): Promise<boolean>;
  /** What people have to know of a plan first: `[name, text]`. */
  describe(plan: P): [name: string, text: string][];
  /** What people have to be careful about. */
  warnings(plan: P): string[];
  /** A plan for scripts and for the audit trail. */
  toRecord(plan: P): Record<string, unknown>;
  walks(db: Db, plan: P): Promise<Walk[]>;
}

/** Says how large each chunk may be, and how many may be under way at once. */
export interface Pacing {
  readonly atOnce: number;
  /** Why it ended before all was done. */
  readonly stopped: Stop | undefined;
  /** What is known of how those changed fared. */
  readonly outcomes: Outcomes;
  /** Asked before each chunk, with what the last one that is done changed; 0 ends the change. */
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
