import { spawnSync } from 'node:child_process';
import { launcherPath } from '../src/lib/launcher.ts';
import { median, printTable, verdict } from './table.ts';

const RUNS = 20;

/** Measures the time of bare commands against `node -e 0` in the same run. */
export async function bench(): Promise<void> {
  const launcher = launcherPath();
  const commands: [string, string[], number | undefined][] = [
    ['node -e 0', ['-e', '0'], undefined],
    ['donations --version', [launcher, '--version'], 2],
    ['donations jobs policy', [launcher, 'jobs', 'policy'], 3],
    ['donations --help', [launcher, '--help'], undefined],
  ];
  const times = new Map<string, number[]>(commands.map(([name]) => [name, []]));
  // Alternately, so that a noisy moment affects all.
  for (let run = 0; run < RUNS; run++) {
    for (const [name, args] of commands) {
      const start = process.hrtime.bigint();
      const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
      if (status !== 0) throw new Error(`${name} ended with ${status}`);
      times.get(name)?.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
  }
  const base = median(times.get('node -e 0') ?? []);
  printTable(
    ['command', `median of ${RUNS} (ms)`, 'times node -e 0'],
    commands.map(([name, , limit]) => {
      const ms = median(times.get(name) ?? []);
      return [
        name,
        ms.toFixed(1),
        limit ? verdict(ms / base, limit, 'at most') : (ms / base).toFixed(2),
      ];
    }),
  );
}
