import type { ZodType } from 'zod';
import type { Failure, Verdict } from '../lib/queue/policy.ts';
import type { Change } from '../lib/queue/run/recorder.ts';
import type { Payloads, TaskName } from '../lib/queue/tasks.ts';

/** One run of one job. */
export interface Attempt {
  /** This attempt's own mark, a UUID. */
  id: string;
  jobId: string;
  /** 1 for the first. */
  number: number;
}

/** What a job that came through has to say. The changes are written with its ledger row. */
export interface Done {
  outcome: 'succeeded' | 'declined';
  requestId?: string | undefined;
  httpStatus?: number | undefined;
  changes?: Change[];
}

/** A task: loads what it needs, calls one operation, says what came of it. Failing is throwing. */
export interface Task<Name extends TaskName = TaskName> {
  payload: ZodType<Payloads[Name]>;
  run(payload: Payloads[Name], attempt: Attempt): Promise<Done>;
  /** What else changes when an attempt fails, written together with the verdict. */
  onFailure?(
    payload: Payloads[Name],
    attempt: Attempt,
    failure: Failure & { message: string; code: string | undefined },
    verdict: Verdict,
  ): Change[];
}
