import { print, say } from '../lib/output/io.ts';
import { checkArguments, forCommander, wantsJson } from './arguments.ts';
import type { Context } from './context.ts';
import { EXIT_CODE_OF } from './exit-codes.ts';
import { buildProgram, overview } from './program.ts';
import { explain, formatFailure } from './report-error.ts';

/**
 * Runs the command line of a context.
 * @returns its exit code; undefined when it ended by an error because it was told to stop.
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
    return signal.aborted ? undefined : tellFailure(error, context);
  }
}

/**
 * Tells of an error that ended a command.
 * @returns the exit code that it means.
 */
export async function tellFailure(error: unknown, context: Context): Promise<number> {
  // What cannot be explained for want of settings is explained by what is wrong with them.
  const failure = await explain(error, context).catch((second) => explain(second, context));
  if (!failure) return 0;
  say(context.io, formatFailure(failure, wantsJson(context.args)));
  return EXIT_CODE_OF[failure.code];
}
