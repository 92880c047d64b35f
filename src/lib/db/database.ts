import pg from 'pg';
import {
  answerTimeoutMs,
  Client,
  type ConnectionOptions,
  connectionSettings,
  STATEMENT_TIMEOUT_MS,
} from './client.ts';

/** Anything that runs SQL: a pool, or one connection inside a transaction. */
export interface Queryable {
  /** @param name names a statement that runs often; Postgres plans it once on each connection. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: unknown[],
    name?: string,
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

/** One connection, for LISTEN and session locks. The caller must end it. */
export interface Session extends Queryable {
  on(
    event: 'notification',
    listener: (message: { channel: string; payload?: string }) => void,
  ): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'end', listener: () => void): void;
  end(): Promise<void>;
}

/** A connection pool. `bigint` columns arrive as `bigint`, dates as `YYYY-MM-DD`. */
export interface Db extends Queryable {
  /**
   * Runs `work` in one transaction on one connection; rolls back if it throws.
   * @param limits.statementTimeoutMs the limit of each of its statements; by default the pool's.
   */
  transaction<T>(
    work: (tx: Queryable) => Promise<T>,
    limits?: { statementTimeoutMs: number },
  ): Promise<T>;
  /** Opens a separate connection outside the pool. It bypasses a pooler if `directUrl` is set. */
  session(
    name: string,
    limits?: Pick<ConnectionOptions, 'statementTimeoutMs' | 'connectTimeoutMs'>,
  ): Promise<Session>;
  /** The pool's connections, and the queries that wait for one. */
  connections(): { idle: number; busy: number; waiting: number };
  close(): Promise<void>;
}

export interface DbOptions
  extends Pick<
    ConnectionOptions,
    'url' | 'applicationName' | 'statementTimeoutMs' | 'idleInTransactionMs' | 'isPostgresItself'
  > {
  /** The URL of Postgres itself when `url` leads to a pooler in transaction mode. */
  directUrl?: string | undefined;
  /** The largest number of connections at once. */
  poolSize?: number;
  /** Called with errors on idle connections. The pool replaces these connections by itself. */
  onIdleError?: (error: Error) => void;
}

// Postgres type ids: 20 int8, 1082 date. A bigint never becomes a float, and no time zone shifts a
// date.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === 20) return BigInt;
    if (oid === 1082) return (text: string) => text;
    return format === 'binary'
      ? pg.types.getTypeParser(oid, 'binary')
      : pg.types.getTypeParser(oid, 'text');
  }) as pg.CustomTypesConfig['getTypeParser'],
};

/** Opens a pool. It connects at the first query. */
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
  // When a checked-out connection breaks, its query fails. The event still needs a listener.
  pool.on('connect', (client) => client.on('error', onIdleError));
  // A pooler prepares a statement on one server connection; the next query may run on another.
  const toQuery = (text: string, values: unknown[] = [], name?: string): pg.QueryConfig => ({
    text,
    values,
    ...(name && !pooled ? { name } : {}),
  });
  // Without settings on the connection, each transaction sets the limit itself.
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
    connections: () => ({
      idle: pool.idleCount,
      busy: pool.totalCount - pool.idleCount,
      waiting: pool.waitingCount,
    }),
    close: () => pool.end(),
  };
}
