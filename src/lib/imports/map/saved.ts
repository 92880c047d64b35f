import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '../../errors.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import { parseMapping, type SavedMapping } from './mapping.ts';

export interface NamedMapping {
  name: string;
  mapping: SavedMapping;
}

/** Keeps a mapping under a name on this machine; one of that name is replaced. */
export function saveMapping(store: LocalStore, { name, mapping }: NamedMapping, now: Date): void {
  if (!/^[\w-]{1,60}$/.test(name))
    throw usageError(
      `"${name}" cannot be the name of a mapping`,
      'Up to 60 letters, digits, - and _.',
    );
  store.run(
    `insert into import_mappings values (?, ?, ?)
     on conflict (name) do update set body = excluded.body, saved_ms = excluded.saved_ms`,
    name,
    JSON.stringify(mapping),
    now.getTime(),
  );
}

export interface ListedMapping {
  name: string;
  columns: number;
  savedAt: Date;
}

export const listMappings = (store: LocalStore): ListedMapping[] =>
  store
    .all<{ name: string; body: string; saved_ms: number }>(
      'select name, body, saved_ms from import_mappings order by name',
    )
    .map(({ name, body, saved_ms }) => ({
      name,
      columns: Object.keys((JSON.parse(body) as SavedMapping).columns).length,
      savedAt: new Date(saved_ms),
    }));

/**
 * The mapping that `--map` names: one that was saved, else a file.
 * @throws UserError `usage`.
 */
export function findMapping(store: LocalStore, nameOrFile: string, cwd: string): NamedMapping {
  const saved = store.get<{ body: string }>(
    'select body from import_mappings where name = ?',
    nameOrFile,
  );
  if (saved) return { name: nameOrFile, mapping: parseMapping(saved.body, nameOrFile) };
  let text: string;
  try {
    text = readFileSync(resolve(cwd, nameOrFile), 'utf8');
  } catch {
    throw usageError(
      `there is no mapping "${nameOrFile}", neither saved nor as a file`,
      'See donations import map list; save one with donations import map save NAME FILE.',
    );
  }
  return { name: nameOrFile, mapping: parseMapping(text, nameOrFile) };
}
