import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { SETTINGS } from './config-schema.ts';
import { configurationError, UserError } from './errors.ts';
import { quoted, safeLine } from './text.ts';

export interface ConfigFile {
  path: string;
  /** By the full names of settings: `stripe.timeoutMs`. */
  values: Record<string, unknown>;
}

/**
 * Reads the settings file: `DONATIONS_CONFIG`, else `donations.toml` in the working directory, else
 * in the data directory; undefined when there is none.
 * @throws UserError `configuration` when it cannot be read, or has an unknown setting.
 */
export function readConfigFile(
  { env, cwd }: { env: NodeJS.ProcessEnv; cwd: string },
  dataDir: string,
): ConfigFile | undefined {
  const named = env.DONATIONS_CONFIG ? resolve(cwd, env.DONATIONS_CONFIG) : undefined;
  const path =
    named ?? [join(cwd, 'donations.toml'), join(dataDir, 'donations.toml')].find(existsSync);
  if (!path) return undefined;
  const values = flatten(parseFile(path, named ? 'DONATIONS_CONFIG points to it' : undefined));
  for (const key of Object.keys(values)) {
    if (SETTINGS.includes(key)) continue;
    const near = nearest(key);
    throw configurationError(
      `${path}: there is no setting ${quoted(key, 80).slice(1, -1)}`,
      near ? `Did you mean ${near}?` : 'List all settings: donations config show',
    );
  }
  return { path, values };
}

function parseFile(path: string, hint: string | undefined): Record<string, unknown> {
  try {
    return parseToml(readText(path));
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof TomlError) {
      const why = safeLine(error.message.split('\n')[0] ?? '');
      throw configurationError(`${path}:${error.line}:${error.column}: ${why}`);
    }
    if (error instanceof RangeError) throw configurationError(`${path} is nested too deeply`);
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw configurationError(`${path} ${why}`, hint);
  }
}

/** Settings take about a page; a much larger file is not a settings file. */
const MAX_BYTES = 1_000_000;

function readText(path: string): string {
  const stat = statSync(path);
  if (!stat.isFile()) throw configurationError(`${path} is not a file`);
  if (stat.size > MAX_BYTES) {
    throw configurationError(`${path} is larger than 1 MB, which is too large for a settings file`);
  }
  const bytes = readFileSync(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw configurationError(`${path} is not UTF-8 text`, 'Save it as UTF-8.');
  }
}

/** No setting is in a table deeper than this. */
const DEEPEST = 5;

function flatten(table: Record<string, unknown>, path: string[] = []): Record<string, unknown> {
  const isTable = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date);
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, value]) =>
      isTable(value) && path.length < DEEPEST
        ? Object.entries(flatten(value, [...path, key]))
        : [[[...path, key].join('.'), value]],
    ),
  );
}

/** The known setting with the most similar spelling, if it is similar enough. */
function nearest(key: string): string | undefined {
  if (key.length > 100) return undefined;
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

/** The Levenshtein distance. */
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
