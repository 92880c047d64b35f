import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { readConfigFile } from './config-file.ts';
import {
  DEFAULTS,
  environmentName,
  SAMPLE_ORGANIZATION,
  SECRETS,
  SETTINGS,
  type Settings,
  settingsSchema,
  shownSetting,
} from './config-schema.ts';
import { configurationError } from './errors.ts';
import { toJson } from './output/render.ts';
import { cutText } from './output/width.ts';

export type Mode = 'sandbox' | 'test' | 'live';

/** The effective settings. Times are in milliseconds. */
export type Config = Settings & { mode: Mode };

/**
 * The source of each setting: `default`, `sandbox`, `the keys`, `environment NAME` or `file PATH`.
 */
export type Sources = Record<string, string>;

export interface ConfigInput {
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/**
 * Loads the settings from the environment, else the file, else defaults.
 * @throws UserError `configuration` that names the setting and its source.
 */
export function loadConfig({ env, cwd }: ConfigInput): { config: Config; sources: Sources } {
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
  const mode = chooseMode(values, sources);
  if (mode === 'sandbox') {
    for (const [key, value] of Object.entries(SAMPLE_ORGANIZATION)) {
      if (values[key] !== undefined) continue;
      values[key] = value;
      sources[key] = 'sandbox';
    }
  }
  return { config: { ...validate(values, sources), mode }, sources };
}

const BOTH_OR_NEITHER =
  'Set both keys to work with the real providers, or neither for the sandbox.';

/** The mode that is set, or that the keys imply; both must agree. */
function chooseMode(values: Record<string, unknown>, sources: Sources): Mode {
  const stripe = values['stripe.secretKey'];
  const keyMode =
    stripe === undefined ? 'sandbox' : /^(sk|rk)_live_/.test(String(stripe)) ? 'live' : 'test';
  const mode = (values.mode ?? keyMode) as Mode;
  if (values.mode === undefined) sources.mode = stripe === undefined ? 'default' : 'the keys';
  const said =
    values.mode === undefined
      ? `there is a ${keyMode} Stripe key`
      : `mode is ${mode} (${sources.mode})`;
  if (!['sandbox', 'test', 'live'].includes(mode)) return mode; // The schema reports what is wrong with it.
  if (mode === 'sandbox') {
    const key = stripe !== undefined ? 'stripe.secretKey' : 'sendgrid.apiKey';
    if (values[key] === undefined) return mode;
    throw configurationError(
      `${key} is set (${sources[key]}), but ${values.mode === undefined ? 'there is no Stripe key' : said}`,
      BOTH_OR_NEITHER,
    );
  }
  for (const key of ['stripe.secretKey', 'sendgrid.apiKey']) {
    if (values[key] !== undefined) continue;
    throw configurationError(`${said}, but ${environmentName(key)} is not set`, BOTH_OR_NEITHER);
  }
  if (keyMode !== mode) {
    throw configurationError(
      `${said}, but the Stripe key is a ${keyMode} key (${sources['stripe.secretKey']})`,
      `Use a ${mode} key, or set DONATIONS_MODE=${keyMode}.`,
    );
  }
  return mode;
}

/** Lists of tables: what is wrong is named by its place. */
const TABLES = ['health.rules', 'alerts.routes'];

/** Longer than any setting; the schema has the limit of each. */
const MAX_TEXT = 10_000;

function validate(values: Record<string, unknown>, sources: Sources): Settings {
  for (const [key, value] of Object.entries(values)) {
    const texts = Array.isArray(value) ? value : [value];
    if (!texts.some((text) => typeof text === 'string' && text.length > MAX_TEXT)) continue;
    throw configurationError(
      `${key} is longer than ${MAX_TEXT.toLocaleString('en-US')} characters (${sources[key]})`,
    );
  }
  const parsed = settingsSchema.safeParse(nest(values));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  // A problem with one line of a list is reported for the list.
  const key = SETTINGS.find((name) => path === name || path.startsWith(`${name}.`)) ?? path;
  const value = values[key];
  if (value === undefined) {
    throw configurationError(
      `${key} is not set`,
      `Outside the sandbox it must be set: in donations.toml, or as ${environmentName(key)}.`,
    );
  }
  const text = toJson(shownSetting(key, value)) ?? '';
  const shown = SECRETS.includes(key) || TABLES.includes(key) ? '' : `${cutText(text, 80)} `;
  const place = path.slice(key.length).replace(/^\.(\d+)/, (_, at) => `[${at}]`);
  throw configurationError(
    `${key}${TABLES.includes(key) ? place : ''}: ${shown}${issue?.message ?? 'is not valid'} (${sources[key]})`,
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

/** Converts `{ 'stripe.timeoutMs': 1 }` to `{ stripe: { timeoutMs: 1 } }`, with all sections. */
function nest(values: Record<string, unknown>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const key of SETTINGS) {
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
