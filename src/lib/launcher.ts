import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The path of `bin/donations` in this installation, to run a command in a separate process. */
export function launcherPath(): string {
  // It is in a directory above this module, both in src and in dist.
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'bin/donations'))) dir = dirname(dir);
  return join(dir, 'bin/donations');
}
