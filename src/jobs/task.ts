import type { ZodType } from 'zod';
import type { Failure, Verdict } from '../lib/queue/policy.ts';
import type { RowChange } from '../lib/queue/run/recorder.ts';
import type { Payloads, TaskName } from '../lib/queue/tasks.ts';

/** One attempt of one job. */
export interface Attempt {
  /** A UUID: the claim of this attempt, which is also in the ledger. */
  id: string;
  jobId: string;
  /** Graphile Worker's `locked_by` of the job. */
  lockedBy: string | null;
  /** Starts at 1. */
  number: number;
  /**
   * Must be awaited right before a call that must not be made twice. Waits for a valid lease.
   * @throws TakenOver when another worker may have the job; then nothing may be called or recorded.
   */
  mayBegin(): Promise<void>;
  /** Calls a provider in one of the worker's slots, when a slot is free and the lease is valid. */
  call<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Another worker has the job: this worker had lost its lease for so long that its jobs were
 * released.
 */
export class TakenOver extends Error {
  override name = 'TakenOver';
  constructor() {
    super('this worker has lost the job: another worker has taken it over');
  }
}

/** The result of a successful job. The changes are written together with its ledger row. */
export interface Done {
  outcome: 'succeeded' | 'declined';
  requestId?: string | undefined;
  httpStatus?: number | undefined;
  changes?: RowChange[];
}

/** A task loads what it needs, calls one operation, and returns the outcome. It throws to fail. */
export interface Task<Name extends TaskName = TaskName> {
  /**
   * The task prepares first and takes a slot through `attempt.call`. Other tasks run completely in
   * a slot.
   */
  callsInSlot?: true;
  payload: ZodType<Payloads[Name]>;
  run(payload: Payloads[Name], attempt: Attempt): Promise<Done>;
  /** Further changes after a failed attempt, written together with the verdict. */
  onFailure?(
    payload: Payloads[Name],
    attempt: Attempt,
    failure: Failure & { message: string; code: string | undefined },
    verdict: Verdict,
  ): RowChange[];
  /**
   * Handles changes that changed no row although they should have, because others have decided
   * about it.
   * @returns a description for the log, and whether the job has nothing left to do.
   */
  onMissed?(
    payload: Payloads[Name],
    attempt: Attempt,
    missed: RowChange[],
  ): Promise<{ what: string; over: boolean }>;
  /**
   * Changes when the record of an attempt is refused although its call may have taken effect. The
   * job is held. A task without this is safe to repeat, and the refusal is treated as a bug.
   */
  onUnrecorded?(payload: Payloads[Name], attempt: Attempt, reason: string): RowChange[];
}
