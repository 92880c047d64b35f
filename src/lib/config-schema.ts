import { z } from 'zod';
import { routesSchema, shownRoutes } from './alerts/route-settings.ts';
import { urlProblem, withoutPassword } from './db/describe.ts';
import { rulesSchema } from './health/rule-settings.ts';
import { maskSecret } from './mask.ts';
import { isVisible, safeLine } from './text.ts';

const CONTROLS = 'has an invisible character, or one that controls a terminal';

/** Text for people on receipts and in mails: one visible line. */
const text = z
  .string('is not a text')
  .trim()
  .min(1, 'is empty')
  .max(500, 'is longer than 500 characters')
  .refine(isVisible, 'has no visible characters')
  .refine((line) => safeLine(line) === line, CONTROLS);
/** The name of a file or directory. */
const path = z
  .string('is not a path')
  .trim()
  .min(1, 'is empty')
  .max(4096, 'is longer than 4,096 characters')
  .refine((name) => !name.includes('\0'), 'has a NUL character');
const email = z
  .string('is not an e-mail address')
  .max(254, 'is not an e-mail address')
  .regex(/^[^\s@<>"(),;:\\[\]]+@[^\s@<>"(),;:\\[\]]+$/, 'is not an e-mail address')
  .refine((address) => safeLine(address) === address, CONTROLS);
const secret = (shape: RegExp, what: string) =>
  z.string(what).max(1000, 'is longer than 1,000 characters').regex(shape, what);

/** A whole number; digits in the environment. */
const whole = (min: number, max: number, what = 'is not a whole number') =>
  z
    .union(
      [
        z.number(what),
        z
          .string(what)
          .trim()
          .regex(/^-?\d{1,15}$/, what)
          .transform(Number),
      ],
      what,
    )
    .pipe(z.number(what).int(what).min(min, `is below ${min}`).max(max, `is above ${max}`));
/** True or false; the words in the environment. */
const yesOrNo = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')],
  'is neither true nor false',
);
/**
 * Node's timers take at most 2^31 ms, and turn larger values into 1 ms. An hour is more than any
 * answer needs.
 */
const milliseconds = (min = 1, max = 3_600_000) =>
  whole(min, max, 'is not a whole number of milliseconds');

const url = z
  .url({ protocol: /^https?$/, error: 'is not an http(s) URL' })
  .max(2000, 'is longer than 2,000 characters');
const postgresUrl = z
  .string('is not a Postgres URL')
  .max(4096, 'is longer than 4,096 characters')
  .regex(/^postgres(ql)?:\/\//, 'is not a Postgres URL (postgres://user@host/database)')
  .superRefine((value, context) => {
    const problem = urlProblem(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  });

const addressLines = z
  .array(text.max(200, 'has a line of more than 200 characters'))
  .min(1)
  .max(10);

/**
 * All settings in the order of `donations config show`, with their names in the TOML file. Times
 * are in milliseconds.
 */
export const settingsSchema = z.strictObject({
  mode: z.enum(['sandbox', 'test', 'live'], 'is not one of sandbox, test, live').optional(),
  dataDir: path,
  databaseUrl: postgresUrl.optional(),
  /** The URL of Postgres itself, when databaseUrl leads to a pooler in transaction mode. */
  databaseDirectUrl: postgresUrl.optional(),
  stripe: z.strictObject({
    secretKey: secret(/^(sk|rk)_(test|live)_\w+$/, 'is not a secret key (sk_… or rk_…)').optional(),
    apiBase: url.optional(),
    /** Verifies Stripe's webhooks; each endpoint has its own. */
    webhookSecret: secret(/^whsec_[\w+/=]+$/, 'is not a signing secret (whsec_…)').optional(),
    timeoutMs: milliseconds(1, 600_000),
  }),
  sendgrid: z.strictObject({
    apiKey: secret(/^SG\.[\w.-]+$/, 'is not an API key (SG.…)').optional(),
    apiBase: url.optional(),
    /** Verifies SendGrid's webhooks: the base64 that SendGrid shows. */
    webhookPublicKey: secret(
      /^[A-Za-z0-9+/]{80,}={0,2}$/,
      'is not a verification key (base 64, MFkw…)',
    ).optional(),
    timeoutMs: milliseconds(1, 600_000),
    templateId: secret(/^d-\w+$/, 'is not a dynamic template (d-…)').optional(),
  }),
  organization: z.strictObject({
    legalName: text,
    // In the environment one line, with | as the separator.
    address: z.union(
      [addressLines, text.transform((lines) => lines.split(/\s*\|\s*/)).pipe(addressLines)],
      'is not a list of up to 10 lines',
    ),
    taxId: text,
    email,
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, 'is not an ISO 3166 code of two capital letters, such as US'),
    locale: text.refine(isLocale, 'is not a locale, such as en-US'),
    timeZone: text.refine(isTimeZone, 'is not a time zone, such as America/New_York'),
  }),
  receipts: z.strictObject({
    from: z.strictObject({ email, name: text }),
    replyTo: email.optional(),
    /** Prefix of receipt numbers; the year of issue by default. */
    series: z
      .string()
      .regex(/^[\w-]{1,20}$/, 'is not up to 20 letters, digits, - or _')
      .optional(),
    /** What to do when it is unknown whether a mail was sent. */
    whenUnknown: z.enum(['hold', 'resend'], 'is neither hold nor resend'),
    /** With `resend`: how often one mail of unknown outcome is sent again at most. */
    resendLimit: whole(1, 5),
    templatesDir: path.optional(),
    /** Whether the mail of a receipt has it as a PDF document too. */
    attachPdf: yesOrNo,
    goodsOrServices: text,
    /** Where receipts are issued, and who signs them: on official receipts in Canada. */
    placeIssued: text.optional(),
    signatory: text.optional(),
  }),
  worker: z.strictObject({
    concurrency: whole(1, 500),
    // Other workers treat a worker as gone after six seconds without a heartbeat.
    heartbeatMs: milliseconds(100, 2000),
    /** How long running jobs may take after SIGTERM. */
    stopTimeoutMs: milliseconds(1, 86_400_000),
  }),
  queue: z.strictObject({
    /** The time limit of Postgres for a query of a person at the terminal. */
    readTimeoutMs: milliseconds(),
  }),
  ledger: z.strictObject({
    retentionDays: whole(1, 36_500),
  }),
  health: z.strictObject({
    /** Changes to the default rules, and more rules. */
    rules: rulesSchema,
  }),
  alerts: z.strictObject({
    /** Where alerts go. */
    routes: routesSchema,
  }),
});

export type Settings = z.output<typeof settingsSchema>;

/** What it takes to read the database: no keys, no organisation. */
export const connectionSchema = settingsSchema.pick({
  dataDir: true,
  databaseUrl: true,
  databaseDirectUrl: true,
  queue: true,
});
export type ConnectionSettings = z.output<typeof connectionSchema>;

/** What is wrong with a value for a setting; undefined when it is right. */
export function settingProblem(name: string, value: unknown): string | undefined {
  let type: z.ZodType = settingsSchema;
  for (const part of name.split('.')) {
    const inner = type instanceof z.ZodOptional ? type.unwrap() : type;
    type = (inner as z.ZodObject).shape[part] as z.ZodType;
  }
  return type.safeParse(value).error?.issues[0]?.message;
}

/** The settings' names: `stripe.timeoutMs`. */
export const SETTINGS: string[] = leaves(settingsSchema);

/** Settings that must not be shown. */
export const SECRETS = [
  'stripe.secretKey',
  'stripe.webhookSecret',
  'sendgrid.apiKey',
  'databaseUrl',
  'databaseDirectUrl',
  // Addresses of webhooks, keys and passwords are in it.
  'alerts.routes',
];

/** The value of a setting as it may be shown: without secrets and passwords. */
export function shownSetting(name: string, value: unknown): unknown {
  if (name === 'alerts.routes') return shownRoutes(value);
  if (typeof value !== 'string') return value;
  // Any URL may contain a password: that of the database, or of a proxy for a provider.
  if (/^\s*[a-z]+:\/\//i.test(value)) return withoutPassword(value.trim());
  if (name.startsWith('database')) return '****';
  return SECRETS.includes(name) ? maskSecret(value) : value;
}

/** The default values. */
export const DEFAULTS: Record<string, unknown> = {
  'stripe.timeoutMs': 20_000,
  'sendgrid.timeoutMs': 15_000,
  'organization.country': 'US',
  'organization.locale': 'en-US',
  'organization.timeZone': 'UTC',
  'receipts.whenUnknown': 'hold',
  'receipts.resendLimit': 1,
  'receipts.attachPdf': false,
  // IRS Publication 1771 requires a statement that no goods or services were provided, if that is
  // so.
  'receipts.goodsOrServices':
    'No goods or services were provided in exchange for this contribution.',
  'worker.concurrency': 25,
  'worker.heartbeatMs': 1000,
  // Less than the 30 s that Kubernetes waits before it kills.
  'worker.stopTimeoutMs': 25_000,
  'queue.readTimeoutMs': 5000,
  'ledger.retentionDays': 90,
  'health.rules': [],
  'alerts.routes': [{ name: 'log', via: 'log' }],
};

/** A sample charity for the sandbox. In other modes each of these must be set. */
export const SAMPLE_ORGANIZATION: Record<string, unknown> = {
  'organization.legalName': 'Harbor Lights Foundation',
  'organization.address': ['12 Quay Street', 'Portland, ME 04101', 'USA'],
  'organization.taxId': '01-2345678',
  'organization.email': 'giving@harborlights.example',
  'receipts.from.email': 'receipts@harborlights.example',
  'receipts.from.name': 'Harbor Lights Foundation',
};

// Names that scripts rely on. Every other setting is DONATIONS_<SECTION>_<KEY>.
const FIXED_NAMES: Record<string, string> = {
  databaseUrl: 'DATABASE_URL',
  databaseDirectUrl: 'DATABASE_DIRECT_URL',
  'stripe.secretKey': 'STRIPE_SECRET_KEY',
  'stripe.apiBase': 'STRIPE_API_BASE',
  'stripe.webhookSecret': 'STRIPE_WEBHOOK_SECRET',
  'sendgrid.apiKey': 'SENDGRID_API_KEY',
  'sendgrid.apiBase': 'SENDGRID_API_BASE',
};

/** The environment variable of a setting. */
export function environmentName(key: string): string {
  const name = key
    .replace(/([A-Z])/g, '_$1')
    .replaceAll('.', '_')
    .toUpperCase();
  return FIXED_NAMES[key] ?? `DONATIONS_${name}`;
}

function isLocale(tag: string): boolean {
  try {
    return Intl.NumberFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false;
  }
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
  return Object.entries(object.shape).flatMap(([key, inner]) =>
    leaves(inner as z.ZodType, [...path, key]),
  );
}
