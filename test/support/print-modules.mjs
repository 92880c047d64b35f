// Loaded by --import: prints the packages that the process has loaded, at its end.
import { createRequire } from 'node:module';

const { cache } = createRequire(import.meta.url);
process.on('exit', () => {
  const names = Object.keys(cache).map(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1],
  );
  process.stderr.write(`loaded: ${[...new Set(names)].join(' ')}\n`);
});
