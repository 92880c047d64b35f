import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { execute } from '../../src/commands/execute.ts';
import { newId, shownId } from '../../src/lib/ids.ts';
import { textWidth } from '../../src/lib/output/width.ts';
import { allCommands } from '../support/commands.ts';
import { donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { writesList } from '../support/json-schema.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
let folder: string;
const GIFTS = () => join(folder, 'gifts.csv');
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
  // Where commands find the doubles of this system.
  const { DONATIONS_DATA_DIR: dataDir = '', STRIPE_API_BASE: doubles = '' } = system.env;
  const port = Number(new URL(doubles).port);
  writeFileSync(join(dataDir, 'sandbox.json'), JSON.stringify({ pid: process.pid, port }));
  folder = mkdtempSync(join(tmpdir(), 'donations-widths-'));
  const cents = `gift_date,amount,currency,method,donor_name,donor_email,source_id\n`;
  writeFileSync(GIFTS(), `${cents}2026-11-02,25.00,USD,check,${LONG},w@example.org,A-1\n`);
  await run(['import', 'offline', GIFTS(), '--yes'], undefined);
  writeFileSync(GIFTS(), `${cents}2026-11-02,2500.00,USD,check,${LONG},w@example.org,A-1\n`);
  const map = join(folder, 'map.json');
  writeFileSync(map, '{"columns": {"Wann": "gift_date"}}');
  await run(['import', 'map', 'save', 'the-long-name-of-a-mapping-of-the-savings-bank', map], 80);
  const taken = ['--amount', '5', '--currency', 'usd', '--method', 'cash', '--name', LONG];
  await run(['offline', 'add', ...taken], 80);
  await db.query(
    `insert into donations.incidents (id, rule, kind, subject, level, worst, cause, opened_at, updated_at)
     select id, 'errors', 'errors', task, 'critical', 'critical', $3, now() - interval '3h', now()
     from unnest($1::text[], $2::text[]) as t(id, task)`,
    [
      [newId('incident'), newId('incident')],
      ['send_receipt', 'settle_donation'],
      'SendGrid did not answer within two seconds; the mail may have been sent',
    ],
  );
});
afterAll(async () => {
  await system.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command in this process, on a terminal of so many columns. */
async function run(args: string[], columns: number | undefined, expected = 0): Promise<string> {
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
  expect(code, `${args.join(' ')}: ${stderr.read()}`).toBe(expected);
  return stdout.read() ?? '';
}

const YEAR = new Date().getFullYear();
const LISTS = [
  'list',
  'donors list',
  'receipts list',
  'receipts missing',
  `statements list --year ${YEAR}`,
  'import list',
  'import map list',
  'import diff GIFTS',
  'offline list',
  'jobs list --all',
  'jobs errors',
  'jobs stats',
  'jobs policy',
  'jobs rescue --dry-run --locked-longer-than 1s',
  'worker list',
  'cron list',
  'logs',
  'audit list',
  'alerts list',
  'alerts rules',
  'sandbox inbox',
  'config show',
  'help exit-codes',
];

it('every list is here', async () => {
  const leaves = (await allCommands()).map(({ words }) => words.join(' '));
  const others = leaves.filter(
    (name) => writesList(name) && !LISTS.some((line) => `${line} `.startsWith(`${name} `)),
  );
  // To people these say sentences or write a file of gifts.
  expect(others.sort()).toEqual([
    'alerts check',
    'alerts silence',
    'doctor',
    'import rejects',
    'import template',
  ]);
});

/** The fields that a table must not cut, where it has them. */
const WHOLE =
  'task job donation worker audit action number batch incident mapping gift silence rule mail setting'.split(
    ' ',
  );

it.each(LISTS)(
  'donations %s fits 80, 100 and 140 columns, with whole names and ids',
  async (line) => {
    const args = line.split(' ').map((word) => (word === 'GIFTS' ? GIFTS() : word));
    const json = await run([...args, '--json='], undefined);
    const rows: Record<string, unknown>[] = JSON.parse(json);
    expect(rows.length).toBeGreaterThan(0);
    for (const columns of [80, 100, 140]) {
      const table = await run(args, columns);
      const lines = table.trimEnd().split('\n');
      // The log begins with its day.
      expect(lines).toHaveLength(rows.length + (line === 'logs' ? 2 : 1));
      for (const each of lines) expect(textWidth(each), each).toBeLessThanOrEqual(columns);
      const shown = new Set(lines.slice(1).flatMap((each) => each.split(/\s+/)));
      // What is wrong begins with the task.
      if (line === 'alerts list')
        for (const task of ['send_receipt', 'settle_donation']) expect(shown).toContain(task);
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

it('doctor breaks its findings between words', async () => {
  // Durations differ from one run to the next.
  const words = (text: string) => text.trim().replace(/\d+/g, 'N').split(/\s+/);
  // It fails: a worker is dead.
  const [wide, narrow] = [await run(['doctor'], 400, 1), await run(['doctor'], 80, 1)];
  const results: { hint: string | null }[] = JSON.parse(await run(['doctor', '--json'], 80, 1));
  const hints = results.map(({ hint }) => hint);
  for (const line of narrow.split('\n')) {
    if (!hints.includes(line.trim())) expect(textWidth(line), line).toBeLessThanOrEqual(80);
  }
  expect(words(narrow)).toEqual(words(wide));
});
