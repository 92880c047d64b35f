import { configurationError } from '../errors.ts';
import { Client, connectionSettings } from './client.ts';

/** What kind of pooler is between us and Postgres, if any. */
export type Pooling = 'none' | 'session' | 'transaction';

const LIMITS = { statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
// A pooler lends the free connection that was used last, which may be one of another client.
const ROUNDS = 20;

/**
 * Detects whether a URL leads to Postgres itself. A pooler (PgBouncer, Odyssey, PgCat, RDS Proxy)
 * reports an invented process id to its clients. In transaction mode it lends the same server
 * connection to one client after another.
 * @internal Exported for its tests.
 */
export async function detectPooling(url: string): Promise<Pooling> {
  const open = async () => {
    const client = new Client(
      connectionSettings({ url, applicationName: 'donations connection check', ...LIMITS }),
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
      // The first client asks just before the second begins, so that its connection is lent next.
      if ((await pidOf(first)) !== pid) return 'transaction';
      await second.query('begin');
      const lent = await pidOf(second);
      // The open transaction keeps the lent connection while the first client asks again.
      if (lent === pid || (await pidOf(first)) !== pid) return 'transaction';
      await second.query('rollback');
    }
    return 'session';
  } catch (error) {
    // With a pool of one connection, the first client waits until the second one returns it.
    if (second && (error as Error).message === 'Query read timeout') return 'transaction';
    throw error;
  } finally {
    for (const client of [first, second]) client?.end().catch(() => {});
  }
}

/**
 * Checks that session locks, LISTEN and prepared statements work, which need lasting connections.
 * @returns what `databaseUrl` leads to.
 * @throws UserError `configuration` when every URL leads to a pooler in transaction mode.
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
    `${databaseDirectUrl === undefined ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL'} leads to a connection pooler in transaction mode, which a worker cannot use for LISTEN and locks`,
    'Set DATABASE_DIRECT_URL to the address of Postgres itself. DATABASE_URL can stay as it is.',
  );
}
