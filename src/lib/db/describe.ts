import type { Config } from '../config.ts';
import { addressOf } from './address.ts';

/** Which database the settings mean and how to look after it, in words without its password. */
export function describeDatabase({
  databaseUrl,
  dataDir,
}: Pick<Config, 'databaseUrl' | 'dataDir'>): {
  where: string;
  hint: string;
} {
  if (databaseUrl === undefined) {
    return { where: dataDir, hint: 'It is the embedded database. See: donations db status' };
  }
  const where = hostOf(databaseUrl);
  return { where, hint: `Check DATABASE_URL, which names ${where}.` };
}

/** A connection URL that may be shown. */
export const withoutPassword = (databaseUrl: string) =>
  databaseUrl
    .replace(/(\/\/[^:/?#@]*):[^/?#]*@/, '$1:****@')
    .replace(/([?&]password=)[^&]*/, '$1****');

function hostOf(databaseUrl: string): string {
  const address = addressOf(databaseUrl);
  if (!address) return 'the address in DATABASE_URL';
  return address.server.startsWith('/')
    ? `the socket in ${address.server}, database ${address.database}`
    : `${address.server}/${address.database}`;
}
