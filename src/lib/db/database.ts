import pg from 'pg';

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
  /** Runs `work` in one transaction on one connection; rolls back if it throws. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** A connection of its own outside the pool. */
  session(name: string): Promise<Session>;
  close(): Promise<void>;
}

export interface DbOptions {
  url: string;
  /** Shown in pg_stat_activity: `donations worker`, `donations jobs list`. */
  applicationName: string;
  /** Most connections at once. */
  poolSize?: number;
  /** Milliseconds after which Postgres cancels a statement; 0 for never. */
  statementTimeoutMs?: number;
  /** Hears of errors on idle connections, which the pool replaces by itself. */
  onIdleError?: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

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
  const settings: pg.ClientConfig = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types,
    ...(options.statementTimeoutMs ? { statement_timeout: options.statementTimeoutMs } : {}),
  };
  const pool = new pg.Pool({ ...settings, max: options.poolSize ?? 10, allowExitOnIdle: true });
  const onIdleError = options.onIdleError ?? (() => {});
  pool.on('error', onIdleError);
  // A checked-out client whose connection breaks fails its query; the event itself must have a listener.
  pool.on('connect', (client) => client.on('error', onIdleError));
  return {
    query: (text, values, name) => pool.query(toQuery(text, values, name)),
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('begin');
        const result = await work({
          query: (text, values, name) => client.query(toQuery(text, values, name)),
        });
        await client.query('commit');
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
    async session(name) {
      const client = new pg.Client({ ...settings, application_name: name });
      client.on('error', onIdleError);
      await client.connect();
      return client as unknown as Session;
    },
    close: () => pool.end(),
  };
}

const toQuery = (text: string, values: unknown[] = [], name?: string): pg.QueryConfig => ({
  text,
  values,
  ...(name ? { name } : {}),
});
