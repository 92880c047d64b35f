import pg from 'pg';
import {
  answerTimeoutMs,
  Client,
  type ConnectionOptions,
  connectionSettings,
  STATEMENT_TIMEOUT_MS,
} from './client.ts';

/** A pool, or one connection inside a transaction: whatever runs SQL. */
export interface Queryable {
  /** @param name of a statement that is run often: it is planned once on each connection. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: unknown[],
    name?: string,
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

/** One connection, for LISTEN and session locks. The caller owns it and ends it. */
export interface Session extends Queryable {
  on(
    event: 'notification',
    listener: (message: { channel: string; payload?: string }) => void,
  ): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'end', listener: () => void): void;
  end(): Promise<void>;
}

/** Our connection to Postgres. `bigint` columns arrive as `bigint`, dates as `YYYY-MM-DD`. */
export interface Db extends Queryable {
  /**
   * Runs `work` in one transaction on one connection; rolls back if it throws.
   * @param limits.statementTimeoutMs how long each of its statements may take, if not as long as any.
   */
  transaction<T>(
    work: (tx: Queryable) => Promise<T>,
    limits?: { statementTimeoutMs: number },
  ): Promise<T>;
  /** A connection of its own outside the pool, and outside a pooler. */
  session(
    name: string,
    limits?: Pick<ConnectionOptions, 'statementTimeoutMs' | 'connectTimeoutMs'>,
  ): Promise<Session>;
  close(): Promise<void>;
}

export interface DbOptions
  extends Pick<
    ConnectionOptions,
    'url' | 'applicationName' | 'statementTimeoutMs' | 'idleInTransactionMs' | 'isPostgresItself'
  > {
  /** How to get at Postgres itself when `url` leads to a pooler in transaction mode. */
  directUrl?: string | undefined;
  /** Most connections at once. */
  poolSize?: number;
  /** Hears of errors on idle connections, which the pool replaces by itself. */
  onIdleError?: (error: Error) => void;
}

// Postgres type ids: 20 int8, 1082 date. A bigint is never a float, a date is never shifted by a time zone.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === 20) return BigInt;
    if (oid === 1082) return (text: string) => text;
    return format === 'binary'
      ? pg.types.getTypeParser(oid, 'binary')
      : pg.types.getTypeParser(oid, 'text');
  }) as pg.CustomTypesConfig['getTypeParser'],
};

/** Opens a pool. Nothing is connected until the first query. */
export function openDb(options: DbOptions): Db {
  const pooled = options.directUrl !== undefined;
  const pool = new pg.Pool({
    ...connectionSettings(options),
    types,
    Client,
    max: options.poolSize ?? 10,
    allowExitOnIdle: true,
  });
  const onIdleError = options.onIdleError ?? (() => {});
  pool.on('error', onIdleError);
  // A checked-out client whose connection breaks fails its query; the event itself must have a listener.
  pool.on('connect', (client) => client.on('error', onIdleError));
  // A statement that a pooler prepares on one connection is not there on the next.
  const toQuery = (text: string, values: unknown[] = [], name?: string): pg.QueryConfig => ({
    text,
    values,
    ...(name && !pooled ? { name } : {}),
  });
  // A connection without settings of its own: each transaction brings its limit.
  const { statementTimeoutMs = STATEMENT_TIMEOUT_MS, isPostgresItself = false } = options;
  const usualMs = isPostgresItself ? 0 : statementTimeoutMs;
  return {
    query: (text, values, name) => pool.query(toQuery(text, values, name)),
    async transaction(work, limits) {
      const statementMs = limits?.statementTimeoutMs ?? usualMs;
      const limit = statementMs ? { query_timeout: answerTimeoutMs(statementMs) } : {};
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query(
          statementMs ? `begin; set local statement_timeout = ${Math.ceil(statementMs)}` : 'begin',
        );
        const result = await work({
          query: (text, values, name) => client.query({ ...toQuery(text, values, name), ...limit }),
        });
        await client.query({ text: 'commit', ...limit });
        return result;
      } catch (error) {
        await client.query('rollback').catch((cause: Error) => {
          broken = cause;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    },
    async session(name, limits = {}) {
      const client = new Client({
        ...connectionSettings({
          url: options.directUrl ?? options.url,
          applicationName: name,
          ...limits,
        }),
        types,
      });
      client.on('error', onIdleError);
      await client.connect();
      return client as unknown as Session;
    },
    close: () => pool.end(),
  };
}
