import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UserError } from '../../lib/errors.ts';
import { type Io, say } from '../../lib/output/io.ts';

/**
 * Writes a document that names donors: a new file is for its owner alone. Replaces an existing file.
 * @throws UserError `failed` when the file cannot be written.
 */
export async function writePrivate(io: Io, file: string, bytes: Buffer | string): Promise<void> {
  const path = resolve(io.cwd, file);
  await writeFile(path, bytes, { mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      'failed',
      `${path} cannot be written (${error.code})`,
      'Name a file in a directory that exists and that you may write to.',
    );
  });
  say(io, `Wrote ${file}`);
}
