import { z } from 'zod';

const text = z.string().trim().min(1, 'is empty');
const email = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'is not an e-mail address');
const milliseconds = z.coerce.number('is not a number of milliseconds').int().positive();
const url = z.url({ protocol: /^https?$/, error: 'is not an http(s) URL' });

/**
 * Every setting there is, in the order of `donations config show`. The names are those of the TOML
 * file. Times in milliseconds.
 */
export const settingsSchema = z.strictObject({
  mode: z.enum(['sandbox', 'test', 'live'], 'is none of sandbox, test, live').optional(),
  dataDir: text,
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'is not a Postgres URL (postgres://user@host/database)')
    .optional(),
  stripe: z.strictObject({
    secretKey: z
      .string()
      .regex(/^(sk|rk)_(test|live)_\w+$/, 'is not a secret key (sk_… or rk_…)')
      .optional(),
    apiBase: url.optional(),
    /** What the signatures of its webhooks are made with; one for each endpoint. */
    webhookSecret: z
      .string()
      .regex(/^whsec_[\w+/=]+$/, 'is not a signing secret (whsec_…)')
      .optional(),
    timeoutMs: milliseconds,
  }),
  sendgrid: z.strictObject({
    apiKey: z
      .string()
      .regex(/^SG\.[\w.-]+$/, 'is not an API key (SG.…)')
      .optional(),
    apiBase: url.optional(),
    /** What the signatures of its webhooks are checked with: the base 64 that SendGrid shows. */
    webhookPublicKey: z
      .string()
      .regex(/^[A-Za-z0-9+/]{80,}={0,2}$/, 'is not a verification key (base 64, MFkw…)')
      .optional(),
    timeoutMs: milliseconds,
    templateId: z
      .string()
      .regex(/^d-\w+$/, 'is not a dynamic template (d-…)')
      .optional(),
  }),
  organization: z.strictObject({
    legalName: text,
    // In the environment one line, with | between its lines.
    address: z.union(
      [z.array(text).min(1), text.transform((lines) => lines.split(/\s*\|\s*/))],
      'is not a list of lines',
    ),
    taxId: text,
    email,
    country: z.string().regex(/^[A-Z]{2}$/, 'is not an ISO 3166 code of two capitals, such as US'),
    locale: text.refine(isLocale, 'is not a locale, such as en-US'),
    timeZone: text.refine(isTimeZone, 'is not a time zone, such as America/New_York'),
  }),
  receipts: z.strictObject({
    from: z.strictObject({ email, name: text }),
    replyTo: email.optional(),
    /** What receipt numbers begin with; the year of issue if not set. */
    series: z
      .string()
      .regex(/^[\w-]{1,20}$/, 'is not up to 20 letters, digits, - or _')
      .optional(),
    /** What to do when nobody can know whether a mail went out. */
    whenUnknown: z.enum(['hold', 'resend'], 'is neither hold nor resend'),
    templatesDir: text.optional(),
    goodsOrServices: text,
    /** Where receipts are issued, and who signs them: on official receipts in Canada. */
    placeIssued: text.optional(),
    signatory: text.optional(),
  }),
  worker: z.strictObject({
    concurrency: z.coerce
      .number('is not a number')
      .int()
      .min(1, 'is below 1')
      .max(500, 'is above 500'),
    heartbeatMs: milliseconds.min(100, 'is below 100'),
  }),
  queue: z.strictObject({
    /** How long Postgres may take over one question of a person at the keyboard. */
    readTimeoutMs: milliseconds,
  }),
  ledger: z.strictObject({
    retentionDays: z.coerce.number('is not a number').int().min(1, 'is below 1'),
  }),
});

export type Settings = z.output<typeof settingsSchema>;

/** The settings' names: `stripe.timeoutMs`. */
export const SETTINGS: string[] = leaves(settingsSchema);

/** Those that must not be shown. */
export const SECRETS = [
  'stripe.secretKey',
  'stripe.webhookSecret',
  'sendgrid.apiKey',
  'databaseUrl',
];

/** What is not set is this. */
export const DEFAULTS: Record<string, unknown> = {
  'stripe.timeoutMs': 20_000,
  'sendgrid.timeoutMs': 15_000,
  'organization.country': 'US',
  'organization.locale': 'en-US',
  'organization.timeZone': 'UTC',
  'receipts.whenUnknown': 'hold',
  // IRS Publication 1771: a statement that none were provided, if that was the case.
  'receipts.goodsOrServices':
    'No goods or services were provided in exchange for this contribution.',
  'worker.concurrency': 25,
  'worker.heartbeatMs': 1000,
  'queue.readTimeoutMs': 5000,
  'ledger.retentionDays': 90,
};

/** A charity of its own for the sandbox. Elsewhere each of these must be set. */
export const SAMPLE_ORGANIZATION: Record<string, unknown> = {
  'organization.legalName': 'Harbor Lights Foundation',
  'organization.address': ['12 Quay Street', 'Portland, ME 04101', 'USA'],
  'organization.taxId': '01-2345678',
  'organization.email': 'giving@harborlights.example',
  'receipts.from.email': 'receipts@harborlights.example',
  'receipts.from.name': 'Harbor Lights Foundation',
};

// The names that scripts rely on; every other setting is DONATIONS_<SECTION>_<KEY>.
const FIXED_NAMES: Record<string, string> = {
  databaseUrl: 'DATABASE_URL',
  'stripe.secretKey': 'STRIPE_SECRET_KEY',
  'stripe.apiBase': 'STRIPE_API_BASE',
  'stripe.webhookSecret': 'STRIPE_WEBHOOK_SECRET',
  'sendgrid.apiKey': 'SENDGRID_API_KEY',
  'sendgrid.apiBase': 'SENDGRID_API_BASE',
};

/** The environment variable that gives a setting. */
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
