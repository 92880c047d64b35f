import { print, say } from '../lib/output/io.ts';
import { checkArguments, forCommander, wantsJson } from './arguments.ts';
import type { Context } from './context.ts';
import { EXIT_CODE_OF } from './exit-codes.ts';
import { buildProgram, overview } from './program.ts';
import { explain, formatFailure } from './report-error.ts';

/**
 * Runs the command line of a context.
 * @returns its exit code; undefined when it ended with an error because it was stopped.
 */
export async function execute(context: Context): Promise<number | undefined> {
  const { args, signal } = context;
  try {
    checkArguments(args);
    if (args.every((arg) => arg === '--no-color')) {
      print(context.io, overview());
      return 0;
    }
    const program = await buildProgram(context, args);
    await program.parseAsync(forCommander(args), { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return signal.aborted ? undefined : reportFailure(error, context);
  }
}

/**
 * Reports the error that ended a command.
 * @returns its exit code.
 */
export async function reportFailure(error: unknown, context: Context): Promise<number> {
  // If the settings are invalid, explaining the error fails, and the settings are reported instead.
  const failure = await explain(error, context).catch((second) => explain(second, context));
  if (!failure) return 0;
  say(context.io, formatFailure(failure, wantsJson(context.args)));
  return EXIT_CODE_OF[failure.code];
}
