import pg from 'pg';

export interface ConnectionOptions {
  url: string;
  /** Shown in pg_stat_activity: `donations worker`, `donations jobs list`. */
  applicationName: string;
  /** Milliseconds after which Postgres cancels a statement; 0 for never. */
  statementTimeoutMs?: number;
  /**
   * Milliseconds after which Postgres closes a connection whose transaction is idle; 0 for never.
   */
  idleInTransactionMs?: number;
  connectTimeoutMs?: number;
  /**
   * True when the URL leads to Postgres itself and not to a pooler. Poolers refuse connections that
   * carry settings, so otherwise the client enforces statement limits, and each transaction sets
   * its own.
   */
  isPostgresItself?: boolean;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** The default limit of a statement. It also detects half-open connections. */
export const STATEMENT_TIMEOUT_MS = 60_000;
/**
 * How much longer than the statement limit the client waits before it treats the connection as
 * lost.
 */
const ANSWER_MS = 1000;
/**
 * The kernel sends the first keepalive probe after this time, then one a second, and gives up after
 * ten.
 */
const KEEPALIVE_IDLE_MS = 5000;
/** Postgres truncates longer application names. */
const NAME_LENGTH = 63;

/** The settings of every connection that we open, Graphile Worker's included. */
export function connectionSettings(options: ConnectionOptions): pg.ClientConfig {
  const statementMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const idleMs = options.idleInTransactionMs ?? 0;
  return {
    connectionString: options.url,
    application_name: options.applicationName.slice(0, NAME_LENGTH),
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_IDLE_MS,
    ...(statementMs > 0 ? { query_timeout: answerTimeoutMs(statementMs) } : {}),
    ...(statementMs > 0 && options.isPostgresItself ? { statement_timeout: statementMs } : {}),
    ...(idleMs > 0 && options.isPostgresItself
      ? { idle_in_transaction_session_timeout: idleMs }
      : {}),
  };
}

/**
 * How long the client waits for the answer to a statement that Postgres cancels after
 * `statementMs`.
 */
export const answerTimeoutMs = (statementMs: number) => statementMs + ANSWER_MS;

type Answer = (error: Error | null, result: unknown) => void;

/**
 * A connection that closes itself when it can no longer be used:
 * - An answer did not come in time. `pg` alone keeps such a connection, and the next query on it
 *   waits too.
 * - The server became read-only. After a failover the same address leads to the new primary, but
 *   only for new connections.
 */
export class Client extends pg.Client {
  override query(...args: unknown[]): never {
    const last = args.at(-1);
    if (typeof last === 'function') {
      const answer: Answer = (error, result) => {
        if (error) this.#endIfUseless(error);
        (last as Answer)(error, result);
      };
      return super.query(
        ...([...args.slice(0, -1), answer] as Parameters<pg.Client['query']>),
      ) as never;
    }
    const result = super.query(...(args as Parameters<pg.Client['query']>)) as unknown;
    if (result instanceof Promise) result.catch((error) => this.#endIfUseless(error));
    return result as never;
  }

  #endIfUseless({ code, message }: Error & { code?: string }): void {
    if (message === 'Query read timeout' || code === '25006') {
      (this as unknown as { connection: pg.Connection }).connection.stream.destroy();
    }
  }
}
