import { configurationError } from '../errors.ts';
import { Client, connectionSettings } from './client.ts';

/** What stands between us and Postgres. */
export type Pooling = 'none' | 'session' | 'transaction';

const LIMITS = { statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
// A pooler may hand out any connection that is free; it mostly is the one that was used last.
const ROUNDS = 5;

/**
 * Finds out whether a URL leads to Postgres itself. A pooler (PgBouncer, Odyssey, PgCat, RDS Proxy)
 * makes up the process id that it tells its clients; one in transaction mode lends the same
 * connection of its own now to this client and now to that.
 * @internal Exported for its tests.
 */
export async function detectPooling(url: string): Promise<Pooling> {
  const open = async () => {
    const client = new Client(
      connectionSettings({ url, applicationName: 'donations asks', ...LIMITS }),
    );
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const pidOf = async (client: Client) => {
    const { rows } = (await client.query('select pg_backend_pid() as pid')) as {
      rows: { pid: number }[];
    };
    return rows[0]?.pid;
  };
  const first = await open();
  let second: Client | undefined;
  try {
    const pid = await pidOf(first);
    if (pid === (first as unknown as { processID: number }).processID) return 'none';
    second = await open();
    for (let round = 0; round < ROUNDS; round++) {
      // In a transaction, so that it keeps what it was lent while the first one asks again.
      await second.query('begin');
      const lent = await pidOf(second);
      if (lent === pid || (await pidOf(first)) !== pid) return 'transaction';
      await second.query('rollback');
    }
    return 'session';
  } catch (error) {
    // A pooler with one connection makes the first wait while the second has it.
    if (second && (error as Error).message === 'Query read timeout') return 'transaction';
    throw error;
  } finally {
    for (const client of [first, second]) client?.end().catch(() => {});
  }
}

/**
 * For what needs connections that stay: session locks, LISTEN, prepared statements.
 * @returns what `databaseUrl` leads to.
 * @throws UserError `configuration` when the settings lead to a pooler in transaction mode only.
 */
export async function requireSessions(urls: {
  databaseUrl: string;
  databaseDirectUrl: string | undefined;
}): Promise<Pooling> {
  const { databaseUrl, databaseDirectUrl } = urls;
  const pooling = await detectPooling(databaseUrl);
  const direct = databaseDirectUrl === undefined ? pooling : await detectPooling(databaseDirectUrl);
  if (direct !== 'transaction') return pooling;
  throw configurationError(
    `${databaseDirectUrl === undefined ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL'} leads to a connection pooler in transaction mode, on which a worker cannot be heard`,
    'Set DATABASE_DIRECT_URL to Postgres itself; DATABASE_URL may stay as it is.',
  );
}
