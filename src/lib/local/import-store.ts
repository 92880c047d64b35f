import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type LocalStore, openLocalStore } from './sqlite.ts';

/** What imports and gifts taken offline keep on this machine. Times are milliseconds since 1970. */
const SCHEMA = `
create table if not exists import_mappings (
  name text primary key,
  body text not null,
  saved_ms integer not null
) without rowid;

create table if not exists import_batches (
  id text primary key,
  kind text not null check (kind in ('import', 'offline')),
  name text not null,
  -- Null when it came by stdin.
  path text,
  sha256 text not null,
  status text not null check (status in ('staging', 'staged', 'matched', 'committing', 'committed')),
  -- How it was asked for, and how its file is read, as JSON.
  options text not null,
  reading text not null default '{}',
  created_ms integer not null
) without rowid;

-- verdict: 1 new, 2 duplicate, 3 needs a look, 4 rejected, 5 skipped; 6 imported.
create table if not exists import_rows (
  batch text not null,
  line integer not null,
  verdict integer not null,
  reasons text,
  -- The gifts as rows of COPY, one a line.
  gifts text,
  -- The row's own cells as JSON; only if a person may have to correct it.
  cells text,
  primary key (batch, line)
) without rowid;

create table if not exists offline_gifts (
  id text primary key,
  -- The cells that were typed, as JSON of field to text.
  body text not null,
  created_ms integer not null,
  pushed_ms integer,
  donation_id text
) without rowid;
`;

/** Opens `<dataDir>/imports.sqlite`: apart from the sandbox, whose writes must not wait for an import. */
export const openImportStore = (dataDir: string): LocalStore =>
  openLocalStore(fileIn(dataDir), SCHEMA);

/** The same, if it is there already. */
export const existingImportStore = (dataDir: string): LocalStore | undefined =>
  existsSync(fileIn(dataDir)) ? openImportStore(dataDir) : undefined;

const fileIn = (dataDir: string) => join(dataDir, 'imports.sqlite');
