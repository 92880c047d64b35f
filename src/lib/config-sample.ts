import {
  DEFAULTS,
  environmentName,
  SAMPLE_ORGANIZATION,
  SECRETS,
  SETTINGS,
} from './config-schema.ts';

/** What each setting means, for the person who writes the file. */
export const MEANINGS: Record<string, string> = {
  mode: 'sandbox, test or live; what the Stripe key says if not set',
  dataDir: 'Where the embedded database, the doubles and offline gifts are kept',
  databaseUrl: 'The PostgreSQL server: postgres://user:password@host/database; embedded if not set',
  databaseDirectUrl: 'Postgres itself, when databaseUrl leads to a pooler in transaction mode',
  'stripe.secretKey': 'The secret or restricted key: sk_… or rk_…',
  'stripe.apiBase': 'Another address of its API: a proxy, or a double',
  'stripe.webhookSecret': 'What the signatures of its webhooks are made with: whsec_…',
  'stripe.timeoutMs': 'How long one request may take, in milliseconds',
  'sendgrid.apiKey': 'The API key, which may send mail: SG.…',
  'sendgrid.apiBase': 'Another address of its API: the EU region, a proxy, or a double',
  'sendgrid.webhookPublicKey': 'The verification key of its signed event webhook: MFkw…',
  'sendgrid.timeoutMs': 'How long one request may take, in milliseconds',
  'sendgrid.templateId': 'A dynamic template in place of the built-in mail: d-…',
  'organization.legalName': 'The organisation as it stands on receipts',
  'organization.address': 'Its address, line by line',
  'organization.taxId': 'Its tax number',
  'organization.email': 'Where donors may write to',
  'organization.country': 'Its country as two letters',
  'organization.locale': 'The language and format of receipts for donors who state none',
  'organization.timeZone': 'The time zone in which gifts and receipts are dated',
  'receipts.from.email': 'The sender of receipts, verified at SendGrid',
  'receipts.from.name': "The sender's name",
  'receipts.replyTo': 'Where answers to receipts go',
  'receipts.series': 'What receipt numbers begin with; the year of issue if not set',
  'receipts.whenUnknown':
    'What happens when it is unknown whether a mail went out: hold it for a person, or resend it',
  'receipts.resendLimit': 'With resend: how often one mail is sent again at most',
  'receipts.templatesDir': 'A folder with templates in place of the built-in ones',
  'receipts.attachPdf': 'Whether the mail of a receipt has it as a PDF document too',
  'receipts.goodsOrServices': 'What a receipt says when nothing was given in return',
  'receipts.placeIssued': 'The place of issue on receipts, which Canada requires',
  'receipts.signatory': 'The name of the person who signs receipts',
  'worker.concurrency': 'How many jobs one worker runs at once',
  'worker.heartbeatMs': 'How often a worker says that it is alive, in milliseconds',
  'worker.stopTimeoutMs': 'How long a stopping worker waits for its running jobs',
  'queue.readTimeoutMs': 'How long Postgres may take over one question of a person',
  'ledger.retentionDays': 'How many days attempts are kept',
  'health.rules': 'Changes to the default health rules, and further rules: docs/alerts.md',
  'alerts.routes': 'Where alerts are sent: docs/alerts.md',
};

/** Names that stand for what only the reader can know. */
const EXAMPLES: Record<string, unknown> = {
  ...SAMPLE_ORGANIZATION,
  mode: 'live',
  dataDir: '/var/lib/donations',
  databaseUrl: 'postgres://donations@localhost/donations',
};

/**
 * An annotated `donations.toml`: each setting with its meaning, its variable and its default. Those
 * that are given are set, the others are there as comments.
 */
export function sampleConfig(values: Record<string, unknown>): string {
  const lines = [
    '# Settings of donations. Environment variables come before this file.',
    '# What is commented out has its default. See what holds: donations config show',
  ];
  let section = '';
  for (const key of [...SETTINGS].sort(bySection)) {
    const path = key.split('.');
    const name = path.pop() as string;
    if (path.join('.') !== section) {
      section = path.join('.');
      lines.push('', `[${section}]`);
    }
    const secret = SECRETS.includes(key) ? ' Secret.' : '';
    lines.push('', `# ${MEANINGS[key]}.${secret}`, `# Environment: ${environmentName(key)}`);
    const value = values[key];
    const shown = value ?? DEFAULTS[key] ?? EXAMPLES[key] ?? '';
    lines.push(`${value === undefined ? '# ' : ''}${name} = ${toToml(shown)}`);
  }
  return `${lines.join('\n')}\n`;
}

const sectionOf = (key: string) => key.split('.').slice(0, -1).join('.');

/** Settings outside of sections first: TOML would take them for a section's. The rest as they are. */
function bySection(a: string, b: string): number {
  const at = (key: string) =>
    sectionOf(key) === '' ? -1 : SETTINGS.findIndex((name) => sectionOf(name) === sectionOf(key));
  return at(a) - at(b);
}

/** A value in TOML's syntax: texts and numbers are written as in JSON, objects as inline tables. */
function toToml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toToml).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, each]) => `${key} = ${toToml(each)}`);
  return `{ ${pairs.join(', ')} }`;
}
