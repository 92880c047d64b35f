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
import type { Telemetry } from '../lib/telemetry/telemetry.ts';
import type { Attempt, Task } from './task.ts';

/** What every task needs to run. */
export interface TaskRunner {
  db: Db;
  /** The clock for start times. Durations are measured with the monotonic clock. */
  clock: Clock;
  log: Logger;
  workerId: string;
  brake: Brake;
  /** @returns the changes that were meant to change a row and changed none. */
  record: (entry: Entry) => Promise<RowChange[]>;
  slots: Slots;
  /** Whether this worker still owns a job that it locked at this time; waits for a valid lease. */
  holds: (lockedAt: Date | null) => Promise<boolean>;
  /** Resolves when Postgres knows that the running jobs have begun. */
  announce: () => Promise<void>;
  /** Called when a verdict is ready to be applied. */
  verdictGiven: () => void;
  /** The running jobs by job id, which the heartbeat stores. */
  running: Map<string, RunningJob>;
  /** The attempts that have not ended, by job id. */
  underWay: Map<string, Promise<void>>;
  onBegin: () => void;
  resending: Pick<Situation, 'whenUnknown' | 'resendLimit'>;
  random: () => number;
  telemetry?: Telemetry | undefined;
}

/** One running attempt. */
export interface Run {
  runner: TaskRunner;
  name: TaskName;
  task: Task;
  /** The payload as received, not validated. */
  payload: unknown;
  attempt: Attempt;
  donation: string | null;
  startedAt: string;
  log: Logger;
  /** Makes the ledger row of the attempt, ending now. */
  row: (outcome: AttemptOutcome, rest: Partial<AttemptRow>) => AttemptRow;
}
