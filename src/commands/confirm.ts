import { createInterface } from 'node:readline/promises';
import { say } from '../lib/output/io.ts';
import type { Context } from './context.ts';

/** Asks at a terminal for a word to be typed. False when it was not, or when nobody is there to ask. */
export async function confirmByTyping(
  context: Context,
  what: string,
  word: string,
): Promise<boolean> {
  const { io, signal } = context;
  if (!io.stdin.isTTY || !io.stderr.isTTY) return false;
  say(io, what);
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    return (await lines.question(`Type "${word}" to go on: `, { signal })).trim() === word;
  } finally {
    lines.close();
  }
}

/** Asks at a terminal for a yes. False when it was not given, or when nobody is there to ask. */
export async function confirmYes(context: Context, question: string): Promise<boolean> {
  const { io, signal } = context;
  if (!io.stdin.isTTY || !io.stderr.isTTY) return false;
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    lines.close();
  }
}
