import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { confirmByTyping, confirmYes } from '../../src/commands/shared/confirm.ts';
import type { Io } from '../../src/lib/output/io.ts';

/** A terminal, whose screen resolves once it shows something that matches. */
function terminal() {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode() {} });
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  let screen = '';
  const shows = (pattern: RegExp) =>
    new Promise<string>((resolve) => {
      const look = () => pattern.test(screen) && resolve(screen);
      stderr.on('data', look);
      look();
    });
  stderr.on('data', (chunk) => {
    screen += chunk;
  });
  const io = { stdin, stderr, stdout: stderr, env: {}, cwd: '/', color: false } as unknown as Io;
  const stop = new AbortController();
  const context = createContext({ io, version: '0', args: [], signal: stop.signal });
  return { context, stdin, stop, shows };
}

describe('a question', () => {
  it.each([
    ['y\n', true],
    ['yes\n', true],
    ['\n', false],
    ['no\n', false],
  ])('answered with %j is %s', async (typed, agreed) => {
    const { context, stdin, shows } = terminal();
    const answer = confirmYes(context, 'Really?');
    await shows(/\[y\/N\]/);
    stdin.write(typed);
    expect(await answer).toBe(agreed);
  });

  it.each([
    ['yes or no', confirmYes],
    [
      'to be typed',
      (context: Parameters<typeof confirmYes>[0]) => confirmByTyping(context, '', '3'),
    ],
  ])('that is interrupted (%s) says that nothing was changed', async (_what, ask) => {
    const { context, stop, shows } = terminal();
    const answer = ask(context, 'Really?');
    await shows(/\? |: /);
    stop.abort();
    await expect(answer).rejects.toThrow();
    expect(await shows(/interrupted/)).toContain('donations: interrupted; nothing was changed');
  });
});
