import pg from 'pg';

export interface ConnectionOptions {
  url: string;
  /** Shown in pg_stat_activity: `donations worker`, `donations jobs list`. */
  applicationName: string;
  /** Milliseconds after which Postgres cancels a statement; 0 for never. */
  statementTimeoutMs?: number;
  /** Milliseconds after which Postgres ends a connection whose transaction stands still; 0 for never. */
  idleInTransactionMs?: number;
  connectTimeoutMs?: number;
  /**
   * The URL is known to lead to Postgres itself. Poolers refuse connections that bring settings, so
   * without this the limits of statements hold on our side, and in transactions.
   */
  isPostgresItself?: boolean;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** A command's statement may take this long. Half-open connections are found by the same limit. */
export const STATEMENT_TIMEOUT_MS = 60_000;
/** After Postgres has had its time its answer has this long; then the connection counts as lost. */
const ANSWER_MS = 1000;
/** The kernel asks an idle peer after this time, then each second, and gives up after ten. */
const KEEPALIVE_IDLE_MS = 5000;
/** Postgres cuts longer names off. */
const NAME_LENGTH = 63;

/** What every connection of ours is opened with, Graphile Worker's included. */
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

/** How long to wait for the answer to a statement that Postgres cancels after so long. */
export const answerTimeoutMs = (statementMs: number) => statementMs + ANSWER_MS;

type Answer = (error: Error | null, result: unknown) => void;

/**
 * A connection that ends when it is of no more use: when no answer came in time (`pg` alone leaves
 * it waiting, and whoever gets it next waits behind), or when its server takes no changes any more
 * (after a failover the same address leads to another server, but only for new connections).
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
