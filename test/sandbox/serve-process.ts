import { UserError } from '../../src/lib/errors.ts';
import { serveSandbox } from '../../src/lib/sandbox/daemon.ts';

// What `donations sandbox serve --data-dir …` does, without the rest of the CLI.
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
try {
  await serveSandbox(process.argv.at(-1) as string, stop.signal);
} catch (error) {
  process.stderr.write(`${error}\n`);
  process.exitCode = error instanceof UserError && error.code === 'try_again' ? 75 : 1;
}
