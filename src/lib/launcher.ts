import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `bin/donations` of this installation, to run a command as a process of its own. */
export function launcherPath(): string {
  // Above this module, whether it is bundled in dist or not.
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'bin/donations'))) dir = dirname(dir);
  return join(dir, 'bin/donations');
}
