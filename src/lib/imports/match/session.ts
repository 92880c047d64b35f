import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import type { Queryable } from '../../db/database.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import { STAGED_COLUMNS } from '../stage/copy-text.ts';
import { pagesOfRows, type Verdict } from '../stage/rows.ts';

/** One connection with the rows of a batch in temporary tables, which are gone when it ends. */
export interface ImportSession extends Queryable {
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** Copies the rows with these verdicts to `pg_temp.staged`. @returns how many gifts that were. */
  upload(store: LocalStore, batch: string, verdicts: Verdict[], after?: number): Promise<number>;
  end(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Opens the connection. Whatever happens to it, nothing of it stays in the database. */
export async function openImportSession(url: string): Promise<ImportSession> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'donations import',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
        if (oid === 20) return BigInt;
        if (oid === 1082) return (text: string) => text;
        return format === 'binary'
          ? pg.types.getTypeParser(oid, 'binary')
          : pg.types.getTypeParser(oid, 'text');
      }) as pg.CustomTypesConfig['getTypeParser'],
    },
  });
  // A connection that breaks fails the statement on it; the event itself must have a listener.
  client.on('error', () => {});
  await client.connect();
  // Statements here read what was just copied: planning them for parallel work or compiling them costs more than it gives.
  await client.query(
    `set jit = off; set temp_buffers = '64MB'; set work_mem = '64MB'; set synchronous_commit = on`,
  );
  const columns = Object.entries(STAGED_COLUMNS).map(([name, type]) => `${name} ${type}`);
  await client.query(`create temp table staged (${columns.join(', ')})`);
  const query = (async (text: string, values: unknown[] = []) => client.query(text, values)) as Queryable['query'];
  return {
    query,
    async transaction(work) {
      await client.query('begin');
      try {
        const result = await work();
        await client.query('commit');
        return result;
      } catch (error) {
        await client.query('rollback').catch(() => {});
        throw error;
      }
    },
    async upload(store, batch, verdicts, after = 0) {
      let gifts = 0;
      const lines = function* () {
        for (const rows of pagesOfRows(store, batch, verdicts, after)) {
          let text = '';
          for (const row of rows)
            for (const gift of row.gifts) {
              text += `${gift}\n`;
              gifts++;
            }
          if (text !== '') yield Buffer.from(text);
        }
      };
      await pipeline(
        Readable.from(lines()),
        client.query(copyStreams.from('copy pg_temp.staged from stdin')),
      );
      return gifts;
    },
    end: () => client.end(),
  };
}
