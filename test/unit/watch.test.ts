import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { showOrWatch, type WatchOptions } from '../../src/commands/shared/watch.ts';
import { type Io, print, say } from '../../src/lib/output/io.ts';

function watcher(isTTY: boolean) {
  const written: string[] = [];
  const stream = { isTTY, columns: 80, rows: 5, write: (text: string) => written.push(text) };
  const io = { stdout: stream, stderr: stream, env: {}, cwd: '/', color: false } as unknown as Io;
  const stop = new AbortController();
  const context = createContext({ io, version: '0', args: [], signal: stop.signal });
  let round = 0;
  const seen: WatchOptions[] = [];
  /** Shows a number of lines, and ends after three rounds. */
  const watch = (options: WatchOptions) =>
    showOrWatch(context, options, async (io, given) => {
      seen.push(given);
      round += 1;
      for (let i = 0; i < 8; i++) print(io, `round ${round} line ${i}`);
      say(io, 'said');
      if (round === 3) stop.abort();
    });
  return { watch, written, seen };
}

describe('--watch', () => {
  it('draws in place on a terminal, each time at once and no more than there is room for', async () => {
    const { watch, written } = watcher(true);
    await watch({ watch: '1ms' });
    expect(written).toHaveLength(3);
    for (const [i, screen] of written.entries()) {
      expect(screen.startsWith(`\u001b[Hround ${i + 1} line 0\u001b[K\n`)).toBe(true);
      expect(screen.endsWith('line 3\u001b[K\n\u001b[J')).toBe(true);
    }
  });

  it('appends rows off one, and nothing that is said to people', async () => {
    const { watch, written, seen } = watcher(false);
    await watch({ watch: '1ms', json: 'id' });
    expect(written.join('')).not.toContain('said');
    expect(written).toHaveLength(24);
    expect(seen).toMatchObject(Array(3).fill({ output: 'ndjson', json: 'id' }));
  });

  it('shows once without it', async () => {
    const { watch, written } = watcher(false);
    await watch({});
    expect(written).toHaveLength(9);
  });

  it.each([{ watch: 'often' }, { watch: '1s', output: 'csv' } as const])(
    'refuses %j',
    async (options) => {
      const { watch, written } = watcher(true);
      await expect(watch(options)).rejects.toMatchObject({ code: 'usage' });
      expect(written).toEqual([]);
    },
  );
});
