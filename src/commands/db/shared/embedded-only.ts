import type { Config } from '../../../lib/config.ts';
import { configurationError } from '../../../lib/errors.ts';
import type { Context } from '../../context.ts';

/** The settings, for what only concerns the embedded Postgres. @throws UserError `configuration`. */
export async function embeddedOnly(context: Context): Promise<Config> {
  const config = await context.config();
  if (!config.databaseUrl) return config;
  throw configurationError(
    'DATABASE_URL is set: that server is not ours to start or stop',
    'Unset it to work with the embedded Postgres.',
  );
}
