import { createInterface } from 'node:readline/promises';
import { promptText, say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';

/**
 * Asks at a terminal for a word to be typed. False when it was not typed, or when there is no
 * terminal.
 */
export async function confirmByTyping(
  context: Context,
  what: string,
  word: string,
): Promise<boolean> {
  if (what !== '') say(context.io, what);
  return (await ask(context, `Type "${word}" to continue: `)) === word;
}

/**
 * Asks at a terminal for a yes. False when the answer was another, or when there is no terminal.
 */
export async function confirmYes(context: Context, question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(context, `${question} [y/N] `)) ?? '');
}

async function ask({ io, signal }: Context, question: string): Promise<string | undefined> {
  if (!io.stdin.isTTY || !io.stderr.isTTY) return undefined;
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  const interrupted = () => say(io, '\ndonations: interrupted; nothing was changed');
  signal.addEventListener('abort', interrupted, { once: true });
  // It reads Ctrl-C as a key.
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return (await lines.question(promptText(io, question), { signal })).trim();
  } finally {
    signal.removeEventListener('abort', interrupted);
    lines.close();
  }
}
