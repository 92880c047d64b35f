// Runs the benchmarks: `npm run bench`, or some of them: `npm run bench -- start-up throughput`.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const ALL = [
  'start-up',
  'throughput',
  'memory',
  'queue',
  'receipts',
  'import',
  'monitor',
  'health',
];
const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ALL;

for (const name of wanted) {
  if (!ALL.includes(name)) {
    console.error(`there is no benchmark "${name}"; there are: ${ALL.join(', ')}`);
    process.exit(2);
  }
}
await import('../scripts/build.mjs');
// Bundled into dist, next to the migrations and templates.
for (const name of wanted) {
  await build({
    absWorkingDir: root,
    entryPoints: [`bench/${name}.ts`],
    outfile: `${root}dist/bench-${name}.mjs`,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'warning',
  });
  const { bench } = await import(`${root}dist/bench-${name}.mjs`);
  console.log(`\n${name}`);
  await bench();
  rmSync(`${root}dist/bench-${name}.mjs`, { force: true });
}
process.exit(0);
