import { execFileSync } from 'node:child_process';
import type { Command } from 'commander';
import { checkArguments, forCommander } from '../../src/commands/arguments.ts';
import { createContext } from '../../src/commands/context.ts';
import { buildProgram } from '../../src/commands/program.ts';
import { processIo } from '../../src/lib/output/io.ts';

/** The commands in what was printed: each is the end of a line, at its beginning or after a colon or dash. */
export const hintsIn = (text: string): string[] =>
  text.split('\n').flatMap((line) => /(?:^\s*|[:—] )(donations [a-z].*)$/.exec(line)?.[1] ?? []);

/** Every place in a line that looks like a command of ours, whether or not it could be pasted. */
export const mentionsIn = (text: string): string[] =>
  text.split('\n').flatMap((line) => /\bdonations [a-z]+ .*$/.exec(line)?.[0] ?? []);

/**
 * Pastes a command into a shell in which `donations` only says how it was called, and reads that as
 * the program would, up to the point where it would do something.
 * @returns the arguments of each call.
 */
export async function paste(command: string): Promise<string[][]> {
  const script = `donations() { printf '%s\\0' "$@"; printf '\\n\\0'; }\n${command}\n`;
  const output = execFileSync('bash', ['--norc', '-eu', '-c', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const calls: string[][] = [[]];
  for (const word of output.split('\0').slice(0, -1)) {
    if (word === '\n') calls.push([]);
    else calls.at(-1)?.push(word);
  }
  calls.pop();
  for (const args of calls) await parse(args);
  return calls;
}

async function parse(args: string[]): Promise<void> {
  checkArguments(args);
  const context = createContext({
    io: processIo({ color: false }),
    signal: new AbortController().signal,
    version: '0.0.0',
    args,
  });
  const program = await buildProgram(context, args);
  disarm(program);
  if (args.includes('--help')) return;
  await program.parseAsync(forCommander(args), { from: 'user' });
}

function disarm(command: Command): void {
  if (command.commands.length === 0) command.action(() => {});
  for (const child of command.commands) disarm(child);
}
