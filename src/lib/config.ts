import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { z } from 'zod';
import { configurationError } from './errors.ts';

export type Mode = 'sandbox' | 'test' | 'live';

const text = z.string().trim().min(1);
const email = z.string().regex(/^[^\s@]+@[^\s@]+$/, 'is not an e-mail address');
const milliseconds = z.coerce.number().int().positive();
const url = z.url({ protocol: /^https?$/ });

const schema = z.strictObject({
  mode: z.enum(['sandbox', 'test', 'live']).optional(),
  dataDir: text,
  databaseUrl: text.optional(),
  stripe: z.strictObject({
    secretKey: z.string().regex(/^(sk|rk)_(test|live)_\w+$/, 'is not a secret key (sk_… or rk_…)').optional(),
    apiBase: url.optional(),
    timeoutMs: milliseconds,
  }),
  sendgrid: z.strictObject({
    apiKey: z.string().regex(/^SG\.[\w.-]+$/, 'is not an API key (SG.…)').optional(),
    apiBase: url.optional(),
    timeoutMs: milliseconds,
    templateId: text.optional(),
  }),
  organization: z.strictObject({
    legalName: text,
    address: z.union([z.array(text), text.transform((lines) => lines.split(/\s*\|\s*/))]),
    taxId: text,
    email,
    country: z.string().length(2),
    locale: text.refine((tag) => Intl.NumberFormat.supportedLocalesOf(tag).length > 0, 'is not a locale'),
    timeZone: text.refine(isTimeZone, 'is not a time zone (write it like America/New_York)'),
  }),
  receipts: z.strictObject({
    from: z.strictObject({ email, name: text }),
    replyTo: email.optional(),
    series: text.optional(),
    whenUnknown: z.enum(['hold', 'resend']),
    templatesDir: text.optional(),
    goodsOrServices: text,
  }),
  worker: z.strictObject({
    concurrency: z.coerce.number().int().min(1).max(500),
    heartbeatMs: milliseconds.min(100),
  }),
  ledger: z.strictObject({ retentionDays: z.coerce.number().int().min(1) }),
});

type Settings = z.output<typeof schema>;

/** The effective settings. Times in milliseconds. */
export type Config = Settings & { mode: Mode };

/** Where a setting came from: `default`, `environment NAME` or `file PATH`. */
export type Sources = Record<string, string>;

// The names that scripts rely on; every other setting is DONATIONS_<SECTION>_<KEY>.
const FIXED_NAMES: Record<string, string> = {
  mode: 'DONATIONS_MODE',
  dataDir: 'DONATIONS_DATA_DIR',
  databaseUrl: 'DATABASE_URL',
  'stripe.secretKey': 'STRIPE_SECRET_KEY',
  'stripe.apiBase': 'STRIPE_API_BASE',
  'sendgrid.apiKey': 'SENDGRID_API_KEY',
  'sendgrid.apiBase': 'SENDGRID_API_BASE',
};

/** Every setting there is, in the order of `donations config show`. */
export const SETTINGS: string[] = leaves(schema);

/** The settings whose values are shown masked. */
export const SECRETS = ['stripe.secretKey', 'sendgrid.apiKey', 'databaseUrl'];

// A pleasant charity of its own for the sandbox. Elsewhere each of these must be set.
const SAMPLE_ORGANIZATION = {
  'organization.legalName': 'Harbor Lights Foundation',
  'organization.address': ['12 Quay Street', 'Portland, ME 04101', 'USA'],
  'organization.taxId': '01-2345678',
  'organization.email': 'giving@harborlights.example',
  'receipts.from.email': 'receipts@harborlights.example',
  'receipts.from.name': 'Harbor Lights Foundation',
};

const DEFAULTS: Record<string, unknown> = {
  'stripe.timeoutMs': 20_000,
  'sendgrid.timeoutMs': 15_000,
  'organization.country': 'US',
  'organization.locale': 'en-US',
  'organization.timeZone': 'UTC',
  'receipts.whenUnknown': 'hold',
  // IRS Publication 1771: a statement that none were provided, if that was the case.
  'receipts.goodsOrServices':
    'No goods or services were provided in exchange for this contribution.',
  'worker.concurrency': 10,
  'worker.heartbeatMs': 1000,
  'ledger.retentionDays': 90,
};

export interface ConfigInput {
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/**
 * The settings from environment, file and defaults, in this order of precedence.
 *
 * The file is TOML: `DONATIONS_CONFIG`, else `donations.toml` in the working directory, else in the
 * data directory.
 *
 * @throws UserError `configuration` that names the setting and where its value came from.
 */
export function loadConfig({ env, cwd }: ConfigInput): { config: Config; sources: Sources } {
  const defaultDataDir = env.DONATIONS_DATA_DIR ? resolve(cwd, env.DONATIONS_DATA_DIR) : dataHome(env);
  const file = readConfigFile({ env, cwd }, defaultDataDir);
  const values: Record<string, unknown> = { ...DEFAULTS, dataDir: defaultDataDir };
  const sources: Sources = Object.fromEntries(SETTINGS.map((key) => [key, 'default']));
  for (const [key, value] of Object.entries(file.values)) {
    values[key] = value;
    sources[key] = `file ${file.path}`;
  }
  for (const key of SETTINGS) {
    const name = environmentName(key);
    const value = env[name];
    if (value === undefined || value === '') continue;
    values[key] = key === 'dataDir' ? defaultDataDir : value;
    sources[key] = `environment ${name}`;
  }
  const mode = chooseMode(values, sources);
  if (mode === 'sandbox') Object.assign(values, { ...SAMPLE_ORGANIZATION, ...values });
  const settings = validate(values, sources);
  return { config: { ...settings, mode }, sources };
}

/** The environment variable that gives a setting. */
export function environmentName(key: string): string {
  return (
    FIXED_NAMES[key] ??
    `DONATIONS_${key.replace(/([A-Z])/g, '_$1').replaceAll('.', '_').toUpperCase()}`
  );
}

function chooseMode(values: Record<string, unknown>, sources: Sources): Mode {
  const stripe = values['stripe.secretKey'];
  const sendgrid = values['sendgrid.apiKey'];
  const keyMode =
    typeof stripe === 'string' ? (/^(sk|rk)_live_/.test(stripe) ? 'live' : 'test') : 'sandbox';
  const mode = (values.mode ?? keyMode) as Mode;
  const told = `mode is ${mode} (${sources.mode})`;
  if (mode === 'sandbox') {
    for (const key of ['stripe.secretKey', 'sendgrid.apiKey']) {
      if (values[key] === undefined) continue;
      throw configurationError(
        `${key} is set (${sources[key]}), but ${values.mode ? told : 'there is no Stripe key'}`,
        'Set both keys to work with the real providers, or neither for the sandbox.',
      );
    }
    return mode;
  }
  if (stripe === undefined || sendgrid === undefined) {
    const missing = stripe === undefined ? 'STRIPE_SECRET_KEY' : 'SENDGRID_API_KEY';
    throw configurationError(
      `${values.mode ? told : `there is a ${keyMode} Stripe key`}, but ${missing} is not set`,
      'Set both keys to work with the real providers, or neither for the sandbox.',
    );
  }
  if (keyMode !== mode) {
    throw configurationError(
      `${told}, but the Stripe key is a ${keyMode} key (${sources['stripe.secretKey']})`,
      `Use a ${mode} key, or set DONATIONS_MODE=${keyMode}.`,
    );
  }
  return mode;
}

function validate(values: Record<string, unknown>, sources: Sources): Settings {
  const parsed = schema.safeParse(nest(values));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const key = issue?.path.join('.') ?? '';
  const setting = SETTINGS.find((name) => key === name || key.startsWith(`${name}.`)) ?? key;
  const value = setting.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], nest(values));
  if (value === undefined) {
    throw configurationError(
      `${setting} is not set`,
      `Outside the sandbox it must be: in donations.toml, or as ${environmentName(setting)}.`,
    );
  }
  const shown = SECRETS.includes(setting) ? 'its value' : JSON.stringify(value);
  throw configurationError(`${setting}: ${shown} ${issue?.message ?? 'is not valid'} (${sources[setting]})`);
}

function readConfigFile(
  { env, cwd }: ConfigInput,
  dataDir: string,
): { path: string; values: Record<string, unknown> } {
  const named = env.DONATIONS_CONFIG ? resolve(cwd, env.DONATIONS_CONFIG) : undefined;
  if (named && !existsSync(named)) {
    throw configurationError(`DONATIONS_CONFIG names ${named}, which does not exist`);
  }
  const path = named ?? [join(cwd, 'donations.toml'), join(dataDir, 'donations.toml')].find(existsSync);
  if (!path) return { path: '', values: {} };
  const values = flatten(parseFile(path));
  for (const key of Object.keys(values)) {
    if (SETTINGS.includes(key)) continue;
    const near = SETTINGS.find((setting) => setting.toLowerCase().endsWith(key.split('.').at(-1)?.toLowerCase() ?? ''));
    throw configurationError(
      `${path}: there is no setting ${key}`,
      near ? `Did you mean ${near}?` : 'See all settings: donations config show',
    );
  }
  return { path, values };
}

function parseFile(path: string): Record<string, unknown> {
  try {
    return parseToml(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw configurationError(`${path}:${error.line}:${error.column}: ${error.message.split('\n')[0]}`);
  }
}

// As root one place for the whole machine, which the server's account can reach; else the user's own.
function dataHome(env: NodeJS.ProcessEnv): string {
  if (process.getuid?.() === 0) return '/var/lib/donations';
  if (process.platform === 'darwin') return join(homedir(), 'Library/Application Support/donations');
  return join(env.XDG_DATA_HOME || join(homedir(), '.local/share'), 'donations');
}


function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function leaves(type: z.ZodType, path: string[] = []): string[] {
  const object = type instanceof z.ZodOptional ? type.unwrap() : type;
  if (!(object instanceof z.ZodObject)) return [path.join('.')];
  return Object.entries(object.shape).flatMap(([key, inner]) => leaves(inner as z.ZodType, [...path, key]));
}

function flatten(table: Record<string, unknown>, path: string[] = []): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, value]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
        ? Object.entries(flatten(value as Record<string, unknown>, [...path, key]))
        : [[[...path, key].join('.'), value]],
    ),
  );
}

function nest(values: Record<string, unknown>): Record<string, unknown> {
  const root: Record<string, unknown> = { stripe: {}, sendgrid: {}, organization: {}, receipts: { from: {} }, worker: {}, ledger: {} };
  for (const [key, value] of Object.entries(values)) {
    const path = key.split('.');
    let table = root;
    for (const part of path.slice(0, -1)) {
      table[part] ??= {};
      table = table[part] as Record<string, unknown>;
    }
    table[path.at(-1) as string] = value;
  }
  return root;
}
