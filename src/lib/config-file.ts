import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { SETTINGS } from './config-schema.ts';
import { configurationError } from './errors.ts';

export interface ConfigFile {
  path: string;
  /** By the settings' full names: `stripe.timeoutMs`. */
  values: Record<string, unknown>;
}

/**
 * The settings file: `DONATIONS_CONFIG`, else `donations.toml` in the working directory, else in
 * the data directory; undefined when there is none.
 * @throws UserError `configuration` when it cannot be read, or has a setting that there is not.
 */
export function readConfigFile(
  { env, cwd }: { env: NodeJS.ProcessEnv; cwd: string },
  dataDir: string,
): ConfigFile | undefined {
  const named = env.DONATIONS_CONFIG ? resolve(cwd, env.DONATIONS_CONFIG) : undefined;
  const path =
    named ?? [join(cwd, 'donations.toml'), join(dataDir, 'donations.toml')].find(existsSync);
  if (!path) return undefined;
  const values = flatten(parseFile(path, named ? 'DONATIONS_CONFIG names it' : undefined));
  for (const key of Object.keys(values)) {
    if (SETTINGS.includes(key)) continue;
    const near = nearest(key);
    throw configurationError(
      `${path}: there is no setting ${key}`,
      near ? `Did you mean ${near}?` : 'See all settings: donations config show',
    );
  }
  return { path, values };
}

function parseFile(path: string, hint: string | undefined): Record<string, unknown> {
  try {
    return parseToml(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof TomlError) {
      const why = error.message.split('\n')[0];
      throw configurationError(`${path}:${error.line}:${error.column}: ${why}`);
    }
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw configurationError(`${path} ${why}`, hint);
  }
}

function flatten(table: Record<string, unknown>, path: string[] = []): Record<string, unknown> {
  const isTable = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date);
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, value]) =>
      isTable(value)
        ? Object.entries(flatten(value, [...path, key]))
        : [[[...path, key].join('.'), value]],
    ),
  );
}

/** The setting that was probably meant: the closest in spelling, if it is close. */
function nearest(key: string): string | undefined {
  const last = (name: string) => name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const [best] = SETTINGS.map((name) => ({
    name,
    steps: Math.min(
      distance(name.toLowerCase(), key.toLowerCase()),
      distance(last(name), last(key)) + 1,
    ),
  })).sort((a, b) => a.steps - b.steps);
  return best && best.steps <= Math.max(2, last(key).length / 3) ? best.name : undefined;
}

/** Levenshtein's distance: how many letters must be added, taken away or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (b[j - 1] === letter ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
