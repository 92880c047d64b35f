import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { readConfigFile } from './config-file.ts';
import {
  type ConnectionSettings,
  connectionSchema,
  DEFAULTS,
  environmentName,
  SAMPLE_ORGANIZATION,
  SECRETS,
  SETTINGS,
  type Settings,
  settingsSchema,
  shownSetting,
} from './config-schema.ts';
import { configurationError, type UserError } from './errors.ts';
import { toJson } from './output/render.ts';
import { grouped } from './output/text.ts';
import { cutText } from './output/width.ts';

export type Mode = 'sandbox' | 'test' | 'live';

/** The effective settings. Times are in milliseconds. */
export type Config = Settings & { mode: Mode };

/**
 * The source of each setting: `default`, `sandbox`, `the keys`, `environment NAME` or `file PATH`.
 */
export type Sources = Record<string, string>;

/** The settings for reading the database, and the mode if the settings state one. */
export type Connection = ConnectionSettings & { statedMode: Mode | undefined };

export interface ConfigInput {
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/**
 * Loads the settings from the environment, else the file, else defaults.
 * @throws UserError `configuration` that names the setting and its source.
 */
export function loadConfig(input: ConfigInput): { config: Config; sources: Sources } {
  const { values, sources } = readSettings(input);
  const { mode, why } = chooseMode(values, sources);
  if (mode === 'sandbox') {
    for (const [key, value] of Object.entries(SAMPLE_ORGANIZATION)) {
      if (values[key] !== undefined) continue;
      values[key] = value;
      sources[key] = 'sandbox';
    }
  }
  const needed = mode === 'sandbox' ? [] : KEYS;
  return {
    config: { ...validate(settingsSchema, values, sources, { why, needed }), mode },
    sources,
  };
}

/**
 * The settings of commands that only read the database: nothing else is required or looked at.
 * @throws UserError `configuration` that names the setting and where its value came from.
 */
export function loadConnection(input: ConfigInput): Connection {
  const { values, sources } = readSettings(input);
  const named = SETTINGS.filter((key) => (key.split('.')[0] as string) in connectionSchema.shape);
  const own = Object.fromEntries(named.map((key) => [key, values[key]]));
  const settings = validate(connectionSchema, own, sources, { why: '', needed: [], names: named });
  const stated =
    values.mode ?? (values['stripe.secretKey'] === undefined ? undefined : keyMode(values));
  return { ...settings, statedMode: stated as Mode | undefined };
}

/** Every setting as it was given, and its source. */
function readSettings({ env, cwd }: ConfigInput): {
  values: Record<string, unknown>;
  sources: Sources;
} {
  const dataDir = env.DONATIONS_DATA_DIR || defaultDataDir(env);
  const file = readConfigFile({ env, cwd }, resolve(cwd, dataDir));
  const values: Record<string, unknown> = { dataDir, ...DEFAULTS };
  const sources: Sources = Object.fromEntries(SETTINGS.map((key) => [key, 'default']));
  for (const [key, value] of Object.entries(file?.values ?? {})) {
    values[key] = value;
    sources[key] = `file ${file?.path}`;
  }
  for (const key of SETTINGS) {
    const name = environmentName(key);
    if (!env[name]) continue;
    values[key] = env[name];
    sources[key] = `environment ${name}`;
  }
  if (typeof values.dataDir === 'string') values.dataDir = resolve(cwd, values.dataDir);
  return { values, sources };
}

const KEYS = ['stripe.secretKey', 'sendgrid.apiKey'];

/** The mode that the Stripe key implies. */
function keyMode({ 'stripe.secretKey': key }: Record<string, unknown>): Mode {
  if (key === undefined) return 'sandbox';
  return /^(sk|rk)_live_/.test(String(key)) ? 'live' : 'test';
}

const BOTH_OR_NEITHER =
  'Set both keys to work with the real providers, or neither for the sandbox.';

/** The mode that is set, or that the keys imply, and its reason; both must agree. */
function chooseMode(
  values: Record<string, unknown>,
  sources: Sources,
): { mode: Mode; why: string } {
  const stripe = values['stripe.secretKey'];
  const byKey = keyMode(values);
  const mode = (values.mode ?? byKey) as Mode;
  if (values.mode === undefined) sources.mode = stripe === undefined ? 'default' : 'the keys';
  const said =
    values.mode === undefined
      ? `there is a ${byKey} Stripe key`
      : `mode is ${mode} (${sources.mode})`;
  const chosen = { mode, why: said };
  if (!['sandbox', 'test', 'live'].includes(mode)) return chosen; // The schema reports what is wrong with it.
  if (mode === 'sandbox') {
    const key = stripe !== undefined ? 'stripe.secretKey' : 'sendgrid.apiKey';
    if (values[key] === undefined) return chosen;
    throw configurationError(
      `${key} is set (${sources[key]}), but ${values.mode === undefined ? 'there is no Stripe key' : said}`,
      BOTH_OR_NEITHER,
    );
  }
  if (stripe !== undefined && byKey !== mode) {
    throw configurationError(
      `${said}, but the Stripe key is a ${byKey} key (${sources['stripe.secretKey']})`,
      `Use a ${mode} key, or set DONATIONS_MODE=${byKey}.`,
    );
  }
  return chosen;
}

/** Lists of tables: a problem is reported with its place in the list. */
const TABLES = ['health.rules', 'alerts.routes'];

/** Longer than any setting; the schema has the limit of each. */
const MAX_TEXT = 10_000;

function validate<Schema extends z.ZodType>(
  schema: Schema,
  values: Record<string, unknown>,
  sources: Sources,
  { why, needed, names = SETTINGS }: { why: string; needed: string[]; names?: string[] },
): z.output<Schema> {
  for (const [key, value] of Object.entries(values)) {
    const texts = Array.isArray(value) ? value : [value];
    if (!texts.some((text) => typeof text === 'string' && text.length > MAX_TEXT)) continue;
    throw configurationError(
      `${key} is longer than ${grouped(MAX_TEXT)} characters (${sources[key]})`,
    );
  }
  const parsed = schema.safeParse(nest(values, names));
  const issues = parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => {
        // A problem with one line of a list is reported for the list.
        const at = path.join('.');
        const key = SETTINGS.find((name) => at === name || at.startsWith(`${name}.`)) ?? at;
        const place = TABLES.includes(key)
          ? at.slice(key.length).replace(/^\.(\d+)/, (_, line) => `[${line}]`)
          : '';
        return { key, place, message };
      });
  const [wrong] = issues.filter(({ key }) => values[key] !== undefined);
  if (wrong) throw notValid(wrong, values, sources);
  const missing = new Set([
    ...needed.filter((key) => values[key] === undefined),
    ...issues.map(({ key }) => key),
  ]);
  if (missing.size > 0) throw notSet([...missing], why);
  return parsed.data as z.output<Schema>;
}

function notValid(
  { key, place, message }: { key: string; place: string; message: string },
  values: Record<string, unknown>,
  sources: Sources,
): UserError {
  const text = toJson(shownSetting(key, values[key])) ?? '';
  const shown = SECRETS.includes(key) || TABLES.includes(key) ? '' : `${cutText(text, 80)} `;
  return configurationError(
    `${key}${place}: ${shown}${message || 'is not valid'} (${sources[key]})`,
  );
}

/** Names all missing settings at once. */
function notSet(keys: string[], why: string): UserError {
  const names = keys.map(environmentName);
  const settings = keys.length === 1 ? 'this setting is' : 'these settings are';
  return configurationError(
    `${why}, but ${settings} not set: ${keys.join(', ')}`,
    [
      `In the environment: ${names.join(', ')}`,
      ...(KEYS.some((key) => keys.includes(key)) ? [BOTH_OR_NEITHER] : []),
      'To be asked for all of them: donations init',
    ].join('\n'),
  );
}

/**
 * As root, a directory for the whole machine that the server's account can reach; else the user's
 * own.
 */
function defaultDataDir(env: NodeJS.ProcessEnv): string {
  if (process.getuid?.() === 0) return '/var/lib/donations';
  const home = env.HOME || homedir();
  if (process.platform === 'darwin') return join(home, 'Library/Application Support/donations');
  return join(env.XDG_DATA_HOME || join(home, '.local/share'), 'donations');
}

/** Converts `{ 'stripe.timeoutMs': 1 }` to `{ stripe: { timeoutMs: 1 } }`, with all sections of `names`. */
function nest(values: Record<string, unknown>, names: string[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const key of names) {
    const path = key.split('.');
    const last = path.pop() as string;
    let table = root;
    for (const part of path) {
      table[part] ??= {};
      table = table[part] as Record<string, unknown>;
    }
    if (values[key] !== undefined) table[last] = values[key];
  }
  return root;
}
