import { randomBytes, timingSafeEqual } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const secretFile = (dataDir: string) => join(dataDir, 'sandbox.secret');

/**
 * Makes the secret of the admin interface. Every user of the machine can reach the port, but only
 * the owner of the data directory can read the file. Each start makes a new secret: while the
 * server was down, another process may have used the port and received the old secret from a
 * client.
 */
export function newSecret(dataDir: string): string {
  const secret = randomBytes(32).toString('base64url');
  const file = secretFile(dataDir);
  writeFileSync(`${file}.new`, `${secret}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return secret;
}

/** The secret of the data directory's sandbox; undefined when no sandbox was started there yet. */
export async function readSecret(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(secretFile(dataDir), 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** The header that carries it. */
export const secretHeader = (secret: string) => ({ Authorization: `Bearer ${secret}` });

/** Whether the `Authorization` header holds the secret. */
export function holdsSecret(header: string | undefined, secret: string): boolean {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(secretHeader(secret).Authorization);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
