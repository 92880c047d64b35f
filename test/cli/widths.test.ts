import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { execute } from '../../src/commands/execute.ts';
import { shownId } from '../../src/lib/ids.ts';
import { textWidth } from '../../src/lib/output/width.ts';
import { donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
const LONG = 'Her Excellency Ambassador Wilhelmina Featherstonehaugh-Cholmondeley';

beforeAll(async () => {
  system = await startSystem();
  const { db, deps } = system;
  const { id } = await donateNow(
    deps,
    gift({ name: LONG, email: 'wilhelmina.featherstonehaugh@embassy.example.org' }),
  );
  await system.sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true });
  await system.startWorker({ args: ['--once'] }).ended;
  for (const task of ['send_receipt', 'tokenize_card', 'settle_donation'])
    for (const state of ['failed', 'retrying', 'running', 'scheduled'] as const)
      await addJob(db, {
        task,
        state,
        payload: { donation_id: id },
        lockedBy: 'dead',
        error: 'SendGrid did not answer within two seconds; the mail may have been sent',
      });
  await run(['jobs', 'pause', 'settle_donation', '--reason', 'the logo is wrong'], 80);
  await run(['jobs', 'discard', '--failed', '--limit', '1', '--yes'], 80);
});
afterAll(() => system.close());

/** Runs a command in this process, on a terminal of so many columns. */
async function run(args: string[], columns: number | undefined): Promise<string> {
  const stream = () =>
    Object.assign(new PassThrough({ encoding: 'utf8' }), {
      isTTY: columns !== undefined,
      columns,
    }) as unknown as NodeJS.WriteStream & { read(): string | null };
  const [stdout, stderr] = [stream(), stream()];
  const io = { stdin: process.stdin, stdout, stderr, env: system.env, cwd: '/', color: false };
  const signal = new AbortController().signal;
  const context = createContext({ io, signal, version: 'test', args });
  const code = await execute(context);
  await context.close();
  expect(code, `${args.join(' ')}: ${stderr.read()}`).toBe(0);
  return stdout.read() ?? '';
}

const LISTS = [
  'list',
  'donors list',
  'receipts list',
  'receipts missing',
  'jobs list --all',
  'jobs errors',
  'jobs stats',
  'jobs policy',
  'jobs rescue --dry-run --locked-longer-than 1s',
  'worker list',
  'audit list',
  'alerts rules',
];
/** The fields that a table must not cut, where it has them. */
const WHOLE = ['task', 'job', 'donation', 'worker', 'audit', 'number', 'batch', 'incident'];

it.each(LISTS)(
  'donations %s fits 80, 100 and 140 columns, with whole names and ids',
  async (line) => {
    const args = line.split(' ');
    const rows: Record<string, unknown>[] = JSON.parse(await run([...args, '--json='], undefined));
    expect(rows.length).toBeGreaterThan(0);
    for (const columns of [80, 100, 140]) {
      const table = await run(args, columns);
      const lines = table.trimEnd().split('\n');
      expect(lines).toHaveLength(rows.length + 1);
      for (const each of lines) expect(textWidth(each), each).toBeLessThanOrEqual(columns);
      const shown = new Set(lines.slice(1).flatMap((each) => each.split(/\s+/)));
      for (const name of WHOLE) {
        const values = rows.map((row) => row[name]).filter((value) => typeof value === 'string');
        // A column that is for --wide is not there at all.
        const isShown = values.some((value) => shown.has(shownId(value)));
        if (isShown || name === 'task')
          for (const value of values)
            expect(shown, `${columns}: ${name}`).toContain(shownId(value));
      }
    }
  },
);
