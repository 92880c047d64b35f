import type { Logger } from 'pino';
import type { Clock } from '../lib/clock.ts';
import type { Db } from '../lib/db/database.ts';
import type { Situation } from '../lib/queue/policy.ts';
import type { AttemptOutcome, AttemptRow } from '../lib/queue/run/attempt.ts';
import type { Brake } from '../lib/queue/run/brake.ts';
import type { Entry, RowChange } from '../lib/queue/run/recorder.ts';
import type { Slots } from '../lib/queue/run/slots.ts';
import type { RunningJob } from '../lib/queue/run/workers.ts';
import type { TaskName } from '../lib/queue/tasks.ts';
import type { Attempt, Task } from './task.ts';

/** What every task is run with. */
export interface TaskRunner {
  db: Db;
  /** By which an attempt's beginning is told; how long it takes is measured without it. */
  clock: Clock;
  log: Logger;
  workerId: string;
  brake: Brake;
  /** @returns the changes that were meant to change a row and changed none. */
  record: (entry: Entry) => Promise<RowChange[]>;
  slots: Slots;
  /** Whether a job that was locked at this time is this worker's still; waits for proof. */
  holds: (lockedAt: Date | null) => Promise<boolean>;
  /** Called when a verdict waits to be carried over. */
  verdictGiven: () => void;
  /** What runs now, by job id; told in the heartbeat. */
  running: Map<string, RunningJob>;
  /** The attempts that have not ended, by job id. */
  underWay: Map<string, Promise<void>>;
  onBegin: () => void;
  resending: Pick<Situation, 'whenUnknown' | 'resendLimit'>;
  random: () => number;
}

/** One attempt under way. */
export interface Run {
  runner: TaskRunner;
  name: TaskName;
  task: Task;
  /** As it came, not checked. */
  payload: unknown;
  attempt: Attempt;
  donation: string | null;
  startedAt: string;
  log: Logger;
  /** The attempt's row for the ledger, ended now. */
  row: (outcome: AttemptOutcome, rest: Partial<AttemptRow>) => AttemptRow;
}
