import { isConnectionError } from '../../../lib/db/connection-error.ts';
import { describeDatabase } from '../../../lib/db/describe.ts';
import { dependencyDown, UserError } from '../../../lib/errors.ts';
import type { Io } from '../../../lib/output/io.ts';
import type { Answers } from './questions.ts';

const LIMIT_MS = 15_000;

/**
 * Tests an answer against its service, as soon as it is given.
 * @returns what was found, or undefined for what only people can judge.
 * @throws UserError or ProviderError when the service does not take it.
 */
export async function testAnswer(
  { env }: Pick<Io, 'env'>,
  setting: string,
  answers: Answers,
): Promise<string | undefined> {
  const value = answers[setting] ?? '';
  switch (setting) {
    case 'databaseUrl':
      return value === '' ? undefined : askDatabase(value, answers.mode);
    case 'stripe.secretKey': {
      const [, kind] = /^(?:sk|rk)_(live|test)_/.exec(value) ?? [];
      if (kind !== undefined && kind !== answers.mode) throw otherMode('this key', kind, answers);
      const { stripeGateway } = await import('../../../lib/providers/stripe.ts');
      const gateway = stripeGateway({
        secretKey: value,
        timeoutMs: LIMIT_MS,
        apiBase: env.STRIPE_API_BASE || undefined,
      });
      const { livemode } = await gateway.ping();
      if (livemode === (answers.mode === 'live')) return 'Stripe takes the key.';
      throw otherMode('Stripe says that the key', livemode ? 'live' : 'test', answers);
    }
    case 'receipts.from.email': {
      const { sendgridGateway } = await import('../../../lib/providers/sendgrid.ts');
      const gateway = sendgridGateway({
        apiKey: answers['sendgrid.apiKey'] ?? '',
        timeoutMs: LIMIT_MS,
        apiBase: env.SENDGRID_API_BASE || undefined,
        sender: { email: value, name: answers['organization.legalName'] ?? value },
      });
      await gateway.ping();
      return 'SendGrid takes the key, and mail from this sender.';
    }
    default:
      return undefined;
  }
}

const otherMode = (what: string, kind: string, { mode }: Answers) =>
  new UserError(
    'configuration',
    `${what} is ${kind === 'live' ? 'live' : 'for tests'}, but the mode is ${mode}`,
    'Give another key, or the other mode.',
  );

async function askDatabase(url: string, mode: string | undefined): Promise<string> {
  const [{ openDb }, { migrationState, supportedVersion }, { readMode }] = await Promise.all([
    import('../../../lib/db/database.ts'),
    import('../../../lib/db/migrate.ts'),
    import('../../../lib/db/prepare.ts'),
  ]);
  const db = openDb({ url, applicationName: 'donations init', statementTimeoutMs: LIMIT_MS });
  try {
    const version = await supportedVersion(db);
    const { applied, pending } = await migrationState(db);
    const found = applied.length > 0 ? await readMode(db) : undefined;
    if (found !== undefined && found !== mode) {
      throw new UserError(
        'configuration',
        `this is a ${found} database, but the mode is ${mode}`,
        'Give another database, or the other mode.',
      );
    }
    const todo = pending.length > 0 ? ' It is to be set up: donations db migrate' : '';
    return `PostgreSQL ${version} answers.${todo}`;
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    const { where } = describeDatabase({ databaseUrl: url, dataDir: '' });
    throw dependencyDown(`${where} cannot be reached: ${(error as Error).message}`);
  } finally {
    await db.close();
  }
}
