import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { startProxy } from '../support/proxy.ts';
import { gift, type System, startSystem } from '../support/system.ts';
import { hasTmux, Tmux } from '../tui/tmux.ts';

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;
const home = mkdtempSync(join(tmpdir(), 'donations-completion-'));
const bare = { PATH: process.env.PATH, HOME: home, DONATIONS_DATA_DIR: join(home, 'data') };

let system: System;
let donation: string;
let job: string;
beforeAll(async () => {
  symlinkSync(LAUNCHER, join(home, 'donations'));
  system = await startSystem();
  donation = (await donateNow(system.deps, gift())).id;
  job = await addJob(system.db, { state: 'held' });
});
afterAll(async () => {
  await system.close();
  rmSync(home, { recursive: true, force: true });
});

/** The words that the last word can become, with their descriptions. */
async function offered(
  words: string[],
  env: NodeJS.ProcessEnv = bare,
): Promise<Record<string, string>> {
  const { stdout, stderr, code } = await runCli(['__complete', '--', ...words], { env });
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const lines = stdout.split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => line.split('\t') as [string, string]));
}

describe('__complete', () => {
  it.each([
    ['worker st', ['start']],
    ['worker start --on', ['--once']],
    ['worker start --once --conc', ['--concurrency']],
    ['show don_1 --js', ['--json']],
    ['completion z', ['zsh']],
    ['audit sh', ['show']],
    ['audit --act', ['--action']],
    ['audit --action receipts.vo', ['receipts.void']],
    ['jobs pause send', ['send_receipt']],
    ['jobs list --task tok', ['tokenize_card']],
    ['worker start --tasks send_receipt,tok', ['send_receipt,tokenize_card']],
    ['jobs list finger', ['fingerprint:']],
    ['jobs list state:fa', ['state:failed']],
    ['jobs list state:failed,he', ['state:failed,held']],
    ['jobs retry -state:he', ['-state:held']],
    ['jobs list task:send', ['task:send_receipt']],
    ['jobs list --json=id,ta', ['--json=id,task']],
    ['jobs list --json --tas', ['--task']],
    ['jobs list --output n', ['ndjson']],
    ['list --status decl', ['declined']],
    ['receipts list --status bou', ['bounced']],
    ['logs --outcome held,fa', ['held,failed']],
    ['sandbox serv', []],
    ['sandbox fault str', ['stripe']],
    ['alerts silence --task tok', ['tokenize_card']],
    ['alerts silence --rule backl', ['backlog']],
    ['alerts test lo', ['log']],
    ['help wor', ['worker']],
    ['help worker st', ['start']],
    ['help exit', ['exit-codes']],
    ['jobs list -- --ta', []],
  ])('%s → %j', async (line, words) => {
    expect(Object.keys(await offered(line.split(' ')))).toEqual(words);
  });

  it('offers the latest ids, with what they are', async () => {
    const { env } = system;
    // On a busy machine the first answer may come too late.
    await vi.waitFor(async () => expect(await offered(['show', ''], env)).not.toEqual({}), 20_000);
    const [ofDonation] = Object.entries(await offered(['show', donation.slice(0, -4)], env));
    expect(ofDonation).toEqual([donation, '$50.00 USD Ada Lovelace']);
    expect(Object.keys(await offered(['audit', '--donation', ''], env))).toEqual([donation]);
    expect(Object.keys(await offered(['jobs', 'list', 'donation:don_'], env))).toEqual([
      `donation:${donation}`,
    ]);
    expect(await offered(['jobs', 'show', ''], env)).toEqual({ [job]: 'send_receipt held' });
    const receipts = Object.keys(await offered(['receipts', 'show', '20'], env));
    expect(receipts).toEqual([expect.stringMatching(/^20\d\d-0*1$/)]);
    const byId = Object.keys(await offered(['receipts', 'show', 'rcp_'], env));
    expect(byId).toEqual([expect.stringMatching(/^rcp_/)]);
  });

  it('makes no database, and says nothing of settings that are wrong', async () => {
    expect(await offered(['show', 'don_'])).toEqual({});
    expect(existsSync(bare.DONATIONS_DATA_DIR)).toBe(false);
    expect(await offered(['show', 'don_'], { ...bare, DATABASE_URL: 'nonsense' })).toEqual({});
    expect(await offered(['no', 'such', 'thing', ''], bare)).toEqual({});
  });

  it('offers what is at hand when the database does not answer', async () => {
    const proxy = await startProxy(system.env.DATABASE_URL as string);
    proxy.freeze();
    const env = { ...system.env, DATABASE_URL: proxy.url };
    // Without a limit this would never end.
    expect(await offered(['show', 'don_'], env)).toEqual({});
    expect(await offered(['jobs', 'list', 'donation:'], env)).toEqual({ 'donation:': '' });
    await proxy.close();
  });

  it('offers donors, deliveries, incidents, workers, imports, mappings, funds and the like', async () => {
    const { env, db } = system;
    const { rows } = await db.query<{ name: string; id: string }>(
      `select 'donor' as name, id from donations.donors
       union all select 'delivery', id from donations.receipt_deliveries
       union all select 'payment', payment_intent_id from donations.charges where payment_intent_id is not null
       union all select 'fingerprint', fingerprint from donations.job_verdicts`,
    );
    const { donor, delivery, payment, fingerprint } = Object.fromEntries(
      rows.map(({ name, id }) => [name, id]),
    );
    const now = new Date();
    const incident = newId('incident');
    await db.query(
      `insert into donations.incidents (id, rule, kind, subject, level, worst, opened_at, updated_at)
       values ($1, 'backlog', 'backlog', 'send_receipt', 'warning', 'warning', $2, $2)`,
      [incident, now],
    );
    const worker = newId('worker');
    await db.query(
      `insert into donations.workers (id, host, pid, version, concurrency, tasks) values ($1, 'db7', 99, '1', 5, '{}')`,
      [worker],
    );
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(args, { env, cwd: home });
      expect(code, stderr).toBe(0);
      return stdout;
    };
    writeFileSync(join(home, 'map.json'), '{"columns": {"Wann": "gift_date"}}');
    await run('import', 'map', 'save', 'kasse', 'map.json');
    writeFileSync(join(home, 'gifts.csv'), await run('import', 'template'));
    const { batch } = JSON.parse(await run('import', 'offline', 'gifts.csv', '--yes', '--json'));
    await run('jobs', 'pause', 'send_receipt');
    await run('jobs', 'resume', 'send_receipt');
    const cases: [line: string, word: string][] = [
      ['donors show ada@', 'ada@example.org'],
      ['donors show dnr_', donor as string],
      ['receipts list --donor ada', 'ada@example.org'],
      ['list donor:ada', 'donor:ada@example.org'],
      ['receipts show dlv_', delivery as string],
      ['receipts resolve dlv', delivery as string],
      ['show pi', payment as string],
      ['receipts issue pi_', payment as string],
      ['alerts ack inc_', incident],
      ['alerts show ', incident],
      ['jobs rescue --worker wrk_', worker],
      ['logs worker:wrk', `worker:${worker}`],
      ['import show ba', batch],
      ['import undo ', batch],
      ['receipts list --batch ', batch],
      ['list batch:', `batch:${batch}`],
      ['import offline x.csv --map ka', 'kasse'],
      ['list --fund clean', 'Clean Water'],
      ['donate --campaign Au', 'Autumn 2026'],
      [`jobs list --fingerprint ${fingerprint?.slice(0, 3)}`, fingerprint as string],
      [`jobs retry ${job.slice(0, 1)}`, job],
      ['audit --by ', await actor()],
    ];
    for (const [line, word] of cases)
      expect(Object.keys(await offered(line.split(' '), env)), line).toContain(word);

    async function actor() {
      const { rows: found } = await db.query<{ actor: string }>(
        'select actor from donations.audit_log limit 1',
      );
      return found[0]?.actor as string;
    }
  });
});

const SHELLS: [shell: string, start: string, load: string][] = [
  ['bash', 'bash --norc --noprofile', 'source <(donations completion bash)'],
  ['zsh', 'zsh -f', 'autoload -U compinit && compinit -u -D && source <(donations completion zsh)'],
  ['fish', 'fish --no-config', 'donations completion fish | source'],
];

describe.each(SHELLS)('in %s', (shell, start, load) => {
  const isThere = hasTmux && spawnSync(shell, ['-c', 'true']).status === 0;

  it.skipIf(!isThere)('Tab completes commands, options, values and ids', async () => {
    const env = { ...system.env, PATH: `${home}:${process.env.PATH}`, PS1: '> ', LANG: 'C.UTF-8' };
    const terminal = new Tmux(start, { columns: 120, rows: 40 }, env);
    try {
      terminal.type(`${load} ${shell === 'fish' ? '; and' : '&&'} echo loaded`);
      terminal.keys('Enter');
      await terminal.until(/^loaded/m);
      const completes = async (typed: string, line: string) => {
        terminal.keys('C-u');
        terminal.type(typed);
        // On a busy machine the answer may come too late; a person presses the key again.
        const isThere = () => terminal.screen().trimEnd().endsWith(line);
        await vi.waitFor(
          async () => {
            if (!isThere()) terminal.keys('Tab');
            await vi.waitFor(() => expect(isThere()).toBe(true), { timeout: 3000 });
          },
          { timeout: 15_000 },
        );
      };
      await completes('donations wor', 'donations worker');
      await completes('donations worker sta', 'donations worker start');
      await completes('donations jobs list --finger', 'donations jobs list --fingerprint');
      await completes('donations jobs list --task send', '--task send_receipt');
      await completes('donations jobs retry state:fa', 'donations jobs retry state:failed');
      await completes('donations jobs list --json=job,stat', '--json=job,status');
      await completes('donations audit --action jobs.disc', '--action jobs.discard');
      await completes(`donations show ${donation.slice(0, -4)}`, `donations show ${donation}`);
      const begun = donation.slice(0, -4);
      await completes(`donations logs donation:${begun}`, `donations logs donation:${donation}`);
      await completes('donations donors show ada@', 'donations donors show ada@example.org');
      await completes('donations list --fund Cle', 'donations list --fund Clean\\ Water');
      await completes('donations list --fund Clean\\ W', 'donations list --fund Clean\\ Water');
    } finally {
      terminal.close();
    }
  });
});

it('offers the shells there are', async () => {
  const { code, stderr } = await runCli(['completion', 'tcsh'], { env: bare });
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
