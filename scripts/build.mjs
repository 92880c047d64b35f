// Bundles the CLI into dist/, one chunk for each part that is loaded on demand.
import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;

await rm(dist, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/commands/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: 'linked',
  jsx: 'automatic',
  // Everything stays a dependency of its own except what every command loads:
  // one file is read faster than hundreds.
  packages: 'external',
  logLevel: 'warning',
});
await cp(`${root}src/lib/db/migrations`, `${dist}/migrations`, { recursive: true });
await cp(`${root}src/lib/receipts/templates`, `${dist}/templates`, { recursive: true });
