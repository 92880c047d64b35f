import type { ZodType } from 'zod';
import type { Failure, Verdict } from '../lib/queue/policy.ts';
import type { RowChange } from '../lib/queue/run/recorder.ts';
import type { Payloads, TaskName } from '../lib/queue/tasks.ts';

/** One run of one job. */
export interface Attempt {
  /** This attempt's own mark, a UUID: what it claims with, and what the ledger knows it by. */
  id: string;
  jobId: string;
  /** The name under which Graphile Worker has locked the job. */
  lockedBy: string | null;
  /** 1 for the first. */
  number: number;
  /**
   * To be asked right before a call that must not be made twice. It waits until this worker is
   * proven to be alive.
   * @throws TakenOver when the job may be somebody else's by now: nothing of it may happen here.
   */
  mayBegin(): Promise<void>;
  /** Makes a call at a provider in one of the worker's slots, as soon as one is free and this worker is proven to be alive. */
  call<T>(work: () => Promise<T>): Promise<T>;
}

/** The job is somebody else's: this worker was silent for so long that others took it for dead. */
export class TakenOver extends Error {
  override name = 'TakenOver';
  constructor() {
    super('the job is not this worker’s any more: others have taken it over');
  }
}

/** What a job that came through has to say. The changes are written with its ledger row. */
export interface Done {
  outcome: 'succeeded' | 'declined';
  requestId?: string | undefined;
  httpStatus?: number | undefined;
  changes?: RowChange[];
}

/** A task: loads what it needs, calls one operation, says what came of it. Failing is throwing. */
export interface Task<Name extends TaskName = TaskName> {
  /** It asks for a slot itself, by `attempt.call`, and prepares before. The others run in a slot as a whole. */
  callsInSlot?: true;
  payload: ZodType<Payloads[Name]>;
  run(payload: Payloads[Name], attempt: Attempt): Promise<Done>;
  /** What else changes when an attempt fails, written together with the verdict. */
  onFailure?(
    payload: Payloads[Name],
    attempt: Attempt,
    failure: Failure & { message: string; code: string | undefined },
    verdict: Verdict,
  ): RowChange[];
  /**
   * Handles changes that were meant to change a row and changed none: others have decided about it.
   * @returns what was found, for the log, and whether the job has nothing left to do.
   */
  onMissed?(
    payload: Payloads[Name],
    attempt: Attempt,
    missed: RowChange[],
  ): Promise<{ what: string; over: boolean }>;
  /**
   * What changes when the record of an attempt is refused although its call may have had its effect.
   * Its job is held. A task without it is safe to repeat, and is judged as a bug of ours.
   */
  onUnrecorded?(payload: Payloads[Name], attempt: Attempt, reason: string): RowChange[];
}
