import type { Config } from '../../../lib/config.ts';
import { configurationError } from '../../../lib/errors.ts';
import type { Context } from '../../context.ts';

/**
 * The settings, for commands that only concern the embedded Postgres. @throws UserError
 * `configuration`.
 */
export async function embeddedOnly(context: Context): Promise<Config> {
  const config = await context.config();
  if (!config.databaseUrl) return config;
  throw configurationError(
    'DATABASE_URL is set, and donations starts and stops its embedded Postgres only',
    'Unset DATABASE_URL to use the embedded Postgres.',
  );
}
