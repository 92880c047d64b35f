import { readFileSync } from 'node:fs';
import { processIo } from '../lib/output/io.ts';
import { createContext } from './context.ts';
import { execute, reportFailure } from './execute.ts';
import { EXIT_CODE_OF } from './exit-codes.ts';

const SIGNAL_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** The time for closing connections when a signal ends the command. */
const CLOSE_MS = 500;

/** Runs one command line and ends the process with its exit code. */
export async function run(argv: string[]): Promise<void> {
  const args = argv.slice(2);
  const io = processIo({ color: !args.includes('--no-color') });
  const stop = new AbortController();
  const context = createContext({ io, signal: stop.signal, version: packageVersion(), args });
  let stopCode: number | undefined;

  const end = async (code: number) => {
    await Promise.race([
      context.close().catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, CLOSE_MS)),
    ]);
    // Without its terminal Node cannot put it back and aborts: so we end by the signal itself.
    if (stopCode === SIGNAL_CODES.SIGHUP) {
      process.removeAllListeners('SIGHUP');
      process.kill(process.pid, 'SIGHUP');
    }
    // Sockets that providers keep alive must not keep us.
    io.stdout.write('', () => process.exit(code));
  };
  const interrupt = (code: number) => {
    // The second signal waits for nothing; a terminal that is gone says so more than once.
    if (stopCode === SIGNAL_CODES.SIGHUP) return;
    if (stopCode !== undefined) process.exit(code);
    stopCode = code;
    stop.abort();
    if (!context.stopsByItself) end(code);
  };
  process.on('SIGHUP', () => interrupt(SIGNAL_CODES.SIGHUP));
  process.on('SIGINT', () => interrupt(SIGNAL_CODES.SIGINT));
  process.on('SIGTERM', () => interrupt(SIGNAL_CODES.SIGTERM));
  // A reader that has seen enough (`| head`) is no error.
  io.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // The terminal is gone, and the signal that says so is on its way.
    if (code === 'EIO' && io.stdout.isTTY) return interrupt(SIGNAL_CODES.SIGHUP);
    process.exit(code === 'EPIPE' ? 0 : EXIT_CODE_OF.failed);
  });
  io.stderr.on('error', () => {});
  process.on('uncaughtException', async (error) => end(await reportFailure(error, context)));

  const code = await execute(context);
  // After a signal, a command that does not stop by itself is ended by the signal handler.
  if (stopCode === undefined || context.stopsByItself) await end(code ?? stopCode ?? 0);
}

function packageVersion(): string {
  // One directory above dist, two above src/commands.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (name === 'donations') return version;
    } catch {
      // Try the next one.
    }
  }
  return 'unknown';
}
