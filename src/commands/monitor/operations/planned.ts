import type { Actor } from '../../../lib/audit/record.ts';
import type { Db, Queryable } from '../../../lib/db/database.ts';
import { plural } from '../../../lib/output/text.ts';
import { commandOf, type Request } from '../requests.ts';
import type { Confirm } from '../state.ts';

export interface OperationDeps {
  db(): Promise<Db>;
  read<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  operator(): Promise<Actor>;
  now(): Date;
  /** Runs a change in a span, if there is telemetry. */
  inSpan<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** What a change would do, as the CLI says it, and how it is made. */
export interface Planned {
  title: string;
  lines: string[];
  confirm: Confirm;
  /** How many things are changed, where they are counted. */
  total: number;
  apply(request: Request, running: Running): Promise<Applied>;
}

export interface Running {
  /** Aborted to stop after the chunk that is under way. */
  signal: AbortSignal;
  onProgress(done: number, note: string): void;
}

export interface Applied {
  lines: string[];
  /** The audit entry of a discard, for undo. */
  discarded?: string | undefined;
  stopped: boolean;
}

/** The audit trail has the command that does the same, and that it was done here. */
export const operatorOf = async (deps: OperationDeps, request: Request): Promise<Actor> => ({
  ...(await deps.operator()),
  command: `${commandOf(request)}   # in donations monitor`,
});

export const jobs = (value: number) => plural(value, 'job');
export const auditLine = (operation: string) => `On record: donations audit show ${operation}`;
