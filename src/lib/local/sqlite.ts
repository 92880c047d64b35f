import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';

/** The machine's own SQLite file, for what belongs to one machine. Statements are compiled once. */
export interface LocalStore {
  run(sql: string, ...values: unknown[]): { changes: number };
  get<Row>(sql: string, ...values: unknown[]): Row | undefined;
  all<Row>(sql: string, ...values: unknown[]): Row[];
  transaction<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens the file, making it and its tables if need be.
 * @param schema `create table if not exists …` statements of whoever uses it.
 */
export function openLocalStore(file: string, schema: string): LocalStore {
  mkdirSync(dirname(file), { recursive: true });
  const db = new Database(file, { timeout: 5000 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
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
    get: <Row>(sql: string, ...values: unknown[]) => statement(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: unknown[]) => statement(sql).all(...values) as Row[],
    transaction: (work) => db.transaction(work).immediate(),
    close: () => db.close(),
  };
}
