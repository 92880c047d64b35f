import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import copyStreams from 'pg-copy-streams';
import type { Db, Queryable } from '../../db/database.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import { STAGED_COLUMNS } from '../stage/copy-text.ts';
import { pagesOfGifts, type Which } from '../stage/rows.ts';

/** One connection with the rows of a batch in temporary tables, which are gone when it ends. */
export interface ImportSession extends Queryable {
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** Like `transaction`, but every statement reads the database as it was at the first one. */
  snapshot<T>(work: () => Promise<T>): Promise<T>;
  /** Copies the gifts that are to be imported to `staged`. @returns of how many rows. */
  upload(store: LocalStore, batch: string, which: Which): Promise<number>;
  end(): Promise<void>;
}

// What makes a donor one donor within a file: the source's id, else e-mail and name, else name and
// address, else the name alone.
const PERSON = `md5(case
  when donor_source_id is not null then 's' || source || E'\\x01' || donor_source_id
  when email is not null then 'e' || lower(email) || E'\\x01' || donations.match_key(donor_name)
  when street is not null or postcode is not null then 'a' || donations.match_key(donor_name)
    || E'\\x01' || coalesce(donations.match_key(street), '') || coalesce(donations.match_key(street_2), '')
    || E'\\x01' || coalesce(donations.match_key(postcode), '')
  else 'n' || donor_kind || donations.match_key(donor_name) end)::uuid`;

const SOFT_PERSON = `case when soft_name is not null then md5(case
  when soft_email is not null then 'e' || lower(soft_email) || E'\\x01' || donations.match_key(soft_name)
  else 'nperson' || donations.match_key(soft_name) end)::uuid end`;

// By these columns rows are found and joined.
const PLANNED = 'line, person, soft_person, source, source_id, fingerprint, amount_minor';

/** A statement over a million rows takes its time; one that takes longer than this hangs. */
const STATEMENT_MS = 60 * 60_000;

/** Opens the connection. Whatever happens to it, nothing of its tables stays in the database. */
export async function openImportSession(db: Db): Promise<ImportSession> {
  // COPY speaks the protocol of its own that pg's client offers to streams.
  const client = (await db.session('donations import', {
    statementTimeoutMs: STATEMENT_MS,
  })) as unknown as pg.Client;
  // Compiling these statements takes longer than running them.
  await client.query(`set jit = off; set temp_buffers = '32MB'; set work_mem = '64MB'`);
  const columns = Object.entries(STAGED_COLUMNS).map(([name, type]) => `${name} ${type}`);
  await client.query(
    `create temp table staged (${columns.join(', ')},
       person uuid generated always as (${PERSON}) stored,
       soft_person uuid generated always as (${SOFT_PERSON}) stored)`,
  );
  const names = Object.keys(STAGED_COLUMNS).join(', ');
  const within = async <T>(begin: string, work: () => Promise<T>): Promise<T> => {
    await client.query(begin);
    try {
      const result = await work();
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    }
  };
  return {
    query: ((text: string, values: unknown[] = []) =>
      client.query(text, values)) as Queryable['query'],
    transaction: (work) => within('begin', work),
    snapshot: (work) => within('begin isolation level repeatable read', work),
    async upload(store, batch, which) {
      let rows = 0;
      const texts = function* () {
        for (const gifts of pagesOfGifts(store, batch, which)) {
          rows += gifts.length;
          yield Buffer.from(`${gifts.join('\n')}\n`);
        }
      };
      await pipeline(
        Readable.from(texts()),
        client.query(copyStreams.from(`copy staged (${names}) from stdin`)),
      );
      if (rows > 0) {
        await client.query('create index if not exists staged_line on staged (line)');
        await client.query(`analyze staged (${PLANNED})`);
      }
      return rows;
    },
    end: () => client.end(),
  };
}
