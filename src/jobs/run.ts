import type { Logger } from 'pino';
import type { Clock } from '../lib/clock.ts';
import type { Db } from '../lib/db/database.ts';
import type { Situation } from '../lib/queue/policy.ts';
import type { Brake } from '../lib/queue/run/brake.ts';
import type { AttemptOutcome, AttemptRow, Entry } from '../lib/queue/run/recorder.ts';
import type { RunningJob } from '../lib/queue/run/workers.ts';
import type { TaskName } from '../lib/queue/tasks.ts';
import type { Attempt, Task } from './task.ts';

/** What every task is run with. */
export interface TaskRunner {
  db: Db;
  clock: Clock;
  log: Logger;
  workerId: string;
  brake: Brake;
  record: (entry: Entry) => Promise<void>;
  /** Called when a verdict waits to be carried over. */
  verdictGiven: () => void;
  /** What runs now, by job id; told in the heartbeat. */
  running: Map<string, RunningJob>;
  onBegin: () => void;
  whenUnknown: Situation['whenUnknown'];
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
  log: Logger;
  /** The attempt's row for the ledger, ended now. */
  row: (outcome: AttemptOutcome, rest: Partial<AttemptRow>) => AttemptRow;
}
