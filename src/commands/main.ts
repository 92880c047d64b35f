import { readFileSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';
import { isConnectionError } from '../lib/db/connection-error.ts';
import { UserError } from '../lib/errors.ts';
import { type Io, processIo, say } from '../lib/output/io.ts';
import { createContext } from './context.ts';
import { EXIT_CODE_OF } from './exit-codes.ts';
import { buildProgram } from './program.ts';

const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs one command line and ends the process with its exit code. */
export async function run(argv: string[]): Promise<void> {
  const io = processIo();
  // A reader that has seen enough (`| head`) is no error.
  io.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const stop = new AbortController();
  const args = argv.slice(2);
  const context = createContext(io, stop.signal, () => args.filter((arg) => !arg.startsWith('-')).slice(0, 2).join(' '));
  let interrupted: keyof typeof SIGNAL_CODES | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second one does not wait for anything.
      if (interrupted) process.exit(SIGNAL_CODES[signal]);
      interrupted = signal;
      stop.abort(new Interrupted());
      // A command that knows how to stop says so by listening; any other is ended where it stands.
      if (!context.stopsByItself) process.exit(SIGNAL_CODES[signal]);
    });
  }
  let code: number;
  try {
    const program = buildProgram(context, packageVersion());
    prepare(program, io);
    await program.parseAsync(argv);
    code = Number(process.exitCode ?? 0);
  } catch (error) {
    code = interrupted && error instanceof Interrupted ? SIGNAL_CODES[interrupted] : report(io, error, wantsJson(args));
  }
  await context.close().catch(() => {});
  process.exitCode = code;
  // Sockets that providers keep alive must not keep us.
  io.stdout.write('', () => process.exit(code));
}

class Interrupted extends Error {}

/** Every command throws instead of exiting, and is as strict as every other. */
function prepare(command: Command, io: Io): void {
  command.exitOverride().allowExcessArguments(false).configureOutput({
    writeErr: () => {},
    getOutHelpWidth: () => io.stdout.columns || 100,
  });
  for (const child of command.commands) prepare(child, io);
}

/** Says what went wrong, in one line where it is the user's to mend. Returns the exit code. */
function report(io: Io, error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander shows a noun's help when its verb is missing.
    const [message = '', hint] = error.message.replace(/^error: /, '').split('\n');
    if (error.code === 'commander.help') return EXIT_CODE_OF.usage;
    return tell(io, new UserError('usage', message, hint?.replace(/[()]/g, '') || 'See donations --help.'), json);
  }
  if (error instanceof UserError) return tell(io, error, json);
  if (isConnectionError(error)) {
    const hint = 'Check DATABASE_URL, or see: donations db status';
    return tell(io, new UserError('dependency_down', `Postgres cannot be reached: ${(error as Error).message || (error as { code?: string }).code}`, hint), json);
  }
  if (isProviderError(error)) {
    const code = error.errorClass === 'misconfigured' ? 'configuration' : error.providerDown ? 'dependency_down' : 'failed';
    return tell(io, new UserError(code, error.message, 'See: donations doctor'), json);
  }
  const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (json) say(io, JSON.stringify({ error: { code: 'bug', message: bug, hint: null } }));
  else say(io, `donations: this is a bug, please report it:\n${bug}`);
  return EXIT_CODE_OF.bug;
}

function tell(io: Io, error: UserError, json: boolean): number {
  const { code, message, hint } = error;
  if (json) say(io, JSON.stringify({ error: { code, message, hint: hint ?? null } }));
  else say(io, `donations: ${message}${hint ? `\n  ${hint}` : ''}`);
  return EXIT_CODE_OF[code];
}

// By name, so that the providers' module is not loaded for every command.
const isProviderError = (error: unknown): error is Error & { errorClass: string; providerDown: boolean } =>
  error instanceof Error && error.name === 'ProviderError';

const wantsJson = (args: string[]) =>
  args.some((arg) => arg === '--json' || arg.startsWith('--json=')) ||
  args.some((arg, i) => arg === '--output=json' || (arg === '--output' && args[i + 1]?.endsWith('json')));

function packageVersion(): string {
  // Two folders up from src/commands, one up from dist.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (name === 'donations') return version;
    } catch {
      // The other one.
    }
  }
  return 'unknown';
}
