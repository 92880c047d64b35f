import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';

/** A SQLite file for data that belongs to one machine. Statements are compiled once. */
export interface LocalStore {
  run(sql: string, ...values: unknown[]): { changes: number };
  get<Row>(sql: string, ...values: unknown[]): Row | undefined;
  all<Row>(sql: string, ...values: unknown[]): Row[];
  /** Commits all of `work` or nothing. Can be nested. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens the file, and creates it and its tables if necessary. Several processes may open it at
 * once.
 * @param schema `create table if not exists …` statements.
 * @param options.durable false may lose the last transactions when the machine (not the process)
 *   crashes, but is faster.
 */
export function openLocalStore(file: string, schema: string, { durable = true } = {}): LocalStore {
  mkdirSync(dirname(file), { recursive: true });
  // Created here, because SQLite would make it readable for everyone.
  closeSync(openSync(file, 'a', 0o600));
  const db = new Database(file, { timeout: 5000 });
  db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${durable ? 'NORMAL' : 'OFF'}`);
  db.exec(schema);
  const statements = new Map<string, Database.Statement>();
  const statement = (sql: string) => {
    let prepared = statements.get(sql);
    if (!prepared) {
      prepared = db.prepare(sql);
      statements.set(sql, prepared);
    }
    return prepared;
  };
  return {
    run: (sql, ...values) => statement(sql).run(...values),
    get: <Row>(sql: string, ...values: unknown[]) =>
      statement(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: unknown[]) => statement(sql).all(...values) as Row[],
    transaction: (work) => db.transaction(work).immediate(),
    close: () => db.close(),
  };
}

/**
 * Takes a lock that the operating system releases when this process ends, even by a crash. (It uses
 * SQLite's exclusive lock. Node has no file locks, and a pid file can be stale.)
 * @returns a function that releases it, or undefined when another process has it.
 */
export function takeLock(file: string): (() => void) | undefined {
  closeSync(openSync(file, 'a', 0o600));
  const db = new Database(file, { timeout: 0 });
  try {
    db.exec('begin exclusive');
    return () => db.close();
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
}
