import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  commitImport,
  type ImportDeps,
  openBatch,
  planImport,
} from '../../src/lib/imports/import.ts';
import { findBatch } from '../../src/lib/imports/stage/batches.ts';
import { decideRows } from '../../src/lib/imports/stage/decide.ts';
import { openImportStore } from '../../src/lib/local/import-store.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { hasTmux, Tmux } from '../tui/tmux.ts';
import { FIXTURES, file, scratch } from './support.ts';

let database: TestDatabase;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.db
    .query(
      `truncate donations.batches, donations.donors, donations.audit_log, donations.receipt_counters cascade`,
    )
    .catch(() => emptied());
  folder = scratch();
  env = machine(folder);
});

/** Some tables refuse to be emptied: their history is only added to. */
async function emptied(): Promise<void> {
  await database.drop();
  database = await createTestDatabase();
}

const machine = (dataDir: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: dataDir,
  DATABASE_URL: database.url,
  DONATIONS_DATA_DIR: dataDir,
  DONATIONS_ACTOR: 'grace',
});

const run = (args: string[], environment = env) => runCli(args, { env: environment });
const importFile = (path: string, ...args: string[]) =>
  run(['import', 'offline', path, '--yes', '--json', ...args]);
const json = ({ stdout, stderr }: CliResult) => {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`no JSON: ${stdout}\n${stderr}`);
  }
};

const count = async (table: string, where = 'true') => {
  const { rows } = await database.db.query<{ n: number }>(
    `select count(*)::int as n from donations.${table} where ${where}`,
  );
  return rows[0]?.n;
};
const jobs = async () =>
  (await database.db.query('select key, priority from graphile_worker.jobs')).rows;

/** Everything that an import makes, without ids and times. */
async function contents(): Promise<string> {
  const { rows } = await database.db.query(
    `select d.amount_minor::text, d.currency, d.method, d.status, d.gift_on, d.check_number, d.campaign, d.source, d.source_id,
       n.name, n.kind, n.postal_code, n.address_lines,
       (select array_agg(e.email order by e.email) from donations.donor_emails e where e.donor_id = n.id) as emails,
       (select array_agg(a.fund || a.amount_minor order by a.fund) from donations.allocations a where a.donation_id = d.id) as funds,
       (select array_agg(s.name order by s.name) from donations.soft_credits c join donations.donors s on s.id = c.donor_id
         where c.donation_id = d.id) as thanked
     from donations.donations d join donations.donors n on n.id = d.donor_id order by 1, 2, 3, 5, 6, 10, 9`,
  );
  const donors = await database.db.query(
    'select kind, name, postal_code from donations.donors order by 1, 2, 3',
  );
  return JSON.stringify([rows, donors.rows]);
}

/** Imports files at once: each is compared with the database before any of them imports a row. */
async function bothAtOnce(paths: string[]): Promise<CliResult[]> {
  const ended = await database.db.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtextextended('donations import', 0))`);
    const running = paths.map((path) =>
      run(['import', 'offline', path, '--yes', '--json'], machine(scratch())),
    );
    const waiting = async () =>
      (
        await database.db.query<{ n: number }>(
          `select count(*)::int as n from pg_locks l join pg_stat_activity a using (pid)
           where l.locktype = 'advisory' and not l.granted and a.datname = current_database()
             and a.application_name = 'donations import'`,
        )
      ).rows[0]?.n;
    while ((await waiting()) !== paths.length)
      await new Promise((resolve) => setImmediate(resolve));
    return { running };
  });
  return Promise.all(ended.running);
}

const HEADER =
  'date,first name,last name,email,street,postcode,amount,currency,method,check number,fund';
const THREE = [
  '2026-11-02,Ada,Lovelace,ada@example.org,1 Main St,07105,50.00,USD,check,0101,Water',
  '2026-11-02,Bob,Byte,,2 Main St,07105,20.00,USD,cash,,Water',
  '2026-11-03,Ada,Lovelace,ada@example.org,1 Main St,07105,25.50,EUR,check,0102,',
];
const csv = (...rows: string[]) => file(`${[HEADER, ...rows].join('\n')}\n`, 'gifts.csv', folder);

describe('an import', () => {
  it('makes gifts, donors once each, allocations, audit; and nobody is mailed', async () => {
    const result = await importFile(
      csv(...THREE),
      '--expect-count',
      '3',
      '--expect-total',
      'USD 70.00',
      '--expect-total',
      'EUR 25.50',
    );
    expect(result.code).toBe(0);
    expect(json(result)).toMatchObject({
      rows: 3,
      imported: 3,
      duplicates: 0,
      suspects: 0,
      rejected: 0,
      skipped: 0,
      totals: { EUR: '25.50', USD: '70.00' },
      receipts: 0,
    });
    expect(await count('donors')).toBe(2);
    expect(await count('donations', `status = 'succeeded' and batch_id is not null`)).toBe(3);
    expect(await count('allocations')).toBe(2);
    expect(await count('receipts')).toBe(0);
    expect(await jobs()).toEqual([]);
    expect(await count('audit_log', `action = 'import.commit' and actor = 'grace'`)).toBe(2);
  });

  it('is recognised row by row when it comes again, also in another order', async () => {
    await importFile(csv(...THREE));
    const before = await contents();
    for (const rows of [THREE, [...THREE].reverse()]) {
      const again = await importFile(csv(...rows));
      expect(again.code).toBe(0);
      expect(json(again)).toMatchObject({ rows: 3, imported: 0, duplicates: 3, totals: {} });
    }
    expect(await contents()).toBe(before);
  });

  it('counts rows that say the same', async () => {
    const two = [THREE[1] as string, THREE[1] as string];
    expect(json(await importFile(csv(...two)))).toMatchObject({ imported: 2 });
    expect(json(await importFile(csv(...two, THREE[1] as string)))).toMatchObject({
      imported: 0,
      duplicates: 2,
      suspects: 1,
    });
  });

  it('imports nothing when a control total differs', async () => {
    const result = await importFile(csv(...THREE), '--expect-total', 'USD 70.01');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('USD 70.01 was expected, and there is 70.00');
    const missing = await importFile(csv(...THREE), '--expect-total', 'USD 70.00');
    expect(missing.stderr).toContain('EUR 0.00 was expected, and there is 25.50');
    expect((await importFile(csv(...THREE), '--expect-count', '4')).code).toBe(1);
    expect(await count('donations')).toBe(0);
    expect(await count('batches')).toBe(0);
  });

  it('changes nothing as a dry run', async () => {
    const result = await importFile(csv(...THREE), '--dry-run', '--receipts');
    expect(result.code).toBe(0);
    for (const table of ['donations', 'donors', 'batches', 'receipts', 'audit_log'])
      expect(await count(table), table).toBe(0);
    expect(await jobs()).toEqual([]);
  });

  it('needs a yes', async () => {
    const result = await run(['import', 'offline', csv(...THREE), '--json']);
    expect(result.code).toBe(4);
    expect(await count('donations')).toBe(0);
    const id = /bat_\w+/.exec(result.stderr)?.[0] as string;
    const resumed = await run(['import', 'resume', id, '--yes', '--json']);
    expect(json(resumed)).toMatchObject({ imported: 3 });
  });

  it('imports nothing of a file with a fault unless --partial; what is rejected comes back to be corrected', async () => {
    const path = csv(
      ...THREE,
      '2026-11-04,Cy,"=cmd()",cy@example.org,3 Main St,07105,"1,0",USD,cash,,"Wat,er"',
    );
    const refused = await importFile(path);
    expect(refused.code).toBe(5);
    expect(json(refused)).toMatchObject({ rows: 4, imported: 0, rejected: 1, skipped: 3 });
    expect(await count('donations')).toBe(0);
    const partial = await importFile(path, '--partial');
    expect(partial.code).toBe(5);
    const { batch, ...rest } = json(partial);
    expect(rest).toMatchObject({ rows: 4, imported: 3, rejected: 1, skipped: 0 });

    const out = join(folder, 'rejected.csv');
    expect((await run(['import', 'rejects', batch, '-o', out])).code).toBe(0);
    const text = readFileSync(out, 'utf8');
    expect(text).toContain(`Rejected because,Rejected line,${HEADER}`);
    expect(text).toContain(`"Wat,er"`);
    expect(text).toContain(`'=cmd()`);
    expect((await run(['import', 'rejects', batch, '-o', out])).code).toBe(2);
    writeFileSync(out, text.replace('"1,0"', '10.00'));
    const corrected = await importFile(out);
    expect(json(corrected)).toMatchObject({ rows: 1, imported: 1, totals: { USD: '10.00' } });
    expect(await count('donors', `family_name = '=cmd()'`)).toBe(1);
    expect(await count('allocations', `fund = 'Wat,er'`)).toBe(1);
  });

  it('never keeps a card number, not even here', async () => {
    const result = await importFile(
      csv(...THREE, '2026-11-04,Cy,Card,cy@example.org,4242424242424242,07105,10,USD,cash,,'),
      '--partial',
    );
    expect(json(result)).toMatchObject({ rejected: 1, imported: 3 });
    const { batch } = json(result);
    const rejects = await run(['import', 'rejects', batch]);
    expect(rejects.stdout).toContain('[card number removed]');
    for (const name of readdirSync(folder).filter((each) => each.startsWith('imports.')))
      expect(readFileSync(join(folder, name), 'latin1')).not.toContain('4242424242424242');
  });
});

describe('donors', () => {
  const donorsOf = async () =>
    (
      await database.db.query<{ name: string; gifts: number }>(
        `select n.name, count(d.id)::int as gifts from donations.donors n left join donations.donations d on d.donor_id = n.id
         group by n.id order by n.name, n.id`,
      )
    ).rows;

  it('are known by e-mail and name, by name and address, however they are written', async () => {
    await importFile(csv(...THREE));
    const again = await importFile(
      csv(
        '2026-11-10,ADA,lovelace,ADA@example.org,,,51,USD,cash,,',
        '2026-11-10,Bob,Býte,,2 main st.,07105,21,USD,cash,,',
        '2026-11-11,Bob,Byte,bob@example.org,2 Main St,07105,22,USD,cash,,',
      ),
    );
    expect(json(again)).toMatchObject({ imported: 3 });
    expect(await donorsOf()).toEqual([
      { name: 'Ada Lovelace', gifts: 3 },
      { name: 'Bob Byte', gifts: 3 },
    ]);
    expect(await count('donor_emails')).toBe(2);
  });

  it('who share an e-mail address stay four', async () => {
    const family = ['Ada', 'William', 'Byron', 'Annabella'].map(
      (name, i) =>
        `2026-11-02,${name},Lovelace-${'abcd'[i]},home@example.org,,,${10 + i},USD,cash,,`,
    );
    expect(json(await importFile(csv(...family), '--likeness', 'off'))).toMatchObject({
      imported: 4,
    });
    expect(await count('donors')).toBe(4);
  });

  it('who are nearly known need a look; nothing is taken silently', async () => {
    await importFile(csv('2026-11-02,Jonathan,Smith,js@example.org,,,10,USD,cash,,'));
    const near = await importFile(csv('2026-11-20,Jon,Smith,js@example.org,,,30,USD,cash,,'));
    expect(near.code).toBe(5);
    expect(json(near)).toMatchObject({ suspects: 1, imported: 0 });
    expect(near.stderr).toMatch(/may be Jonathan Smith \(dnr_/);
    const accepted = await run([
      'import',
      'resume',
      json(near).batch,
      '--accept',
      'all',
      '--yes',
      '--json',
    ]);
    expect(accepted.code).toBe(0);
    expect(await count('donors')).toBe(2);
  });

  it('are made once by two imports that both find them new', async () => {
    const files = ['5.00', '6.00'].map((amount) =>
      file(`${[HEADER, `2026-11-02,Dee,New,dee@example.org,,,${amount},USD,cash,,`].join('\n')}\n`),
    );
    const both = await bothAtOnce(files);
    expect(both.map((each) => json(each).imported)).toEqual([1, 1]);
    expect(await count('donors')).toBe(1);
    expect(await count('import_donors')).toBe(1);
    expect(await count('donor_emails')).toBe(1);
    expect(await count('donations')).toBe(2);
  });

  it('of gifts that another import made meanwhile are not made', async () => {
    const rows = [
      'G1,2026-11-02,Dee,Same,dee@example.org,5.00,USD,cash',
      'G2,2026-11-02,Eve,Other,eve@example.org,6.00,USD,cash',
    ];
    const header = 'gift id,date,first name,last name,email,amount,currency,method';
    // By their ids the gifts are the same; the second file has other donors.
    const files = [rows, rows.map((row) => row.replace('Eve,Other,eve', 'Fay,Third,fay'))].map(
      (each, i) =>
        file(`${[header, ...each, `G${3 + i},2026-11-02,Last,One,,7.00,USD,cash`].join('\n')}\n`),
    );
    const both = await bothAtOnce(files);
    expect(
      both
        .map((each) => json(each))
        .map(({ imported, duplicates }) => [imported, duplicates])
        .sort(),
    ).toEqual([
      [1, 2],
      [3, 0],
    ]);
    expect(await count('donations')).toBe(4);
    expect(await count('donors')).toBe(3);
  });

  it('a file imported twice at the same time is imported once', async () => {
    const path = csv(
      ...Array.from(
        { length: 500 },
        (_, i) => `2026-11-02,New,Donor-${i},d${i}@example.org,,,5,USD,cash,,`,
      ),
    );
    const both = await Promise.all(
      [scratch(), scratch()].map((dir) =>
        run(['import', 'offline', path, '--yes', '--json'], machine(dir)),
      ),
    );
    const results = both.map(json);
    expect(results[0].imported + results[1].imported).toBe(500);
    for (const each of results)
      expect(each.imported + each.duplicates + each.suspects + each.rejected + each.skipped).toBe(
        500,
      );
    expect(await count('donations')).toBe(500);
  });
});

describe('duplicates and suspects', () => {
  it('an id that is here already is a duplicate; with another amount it needs a look', async () => {
    const header = 'date,donor,amount,currency,method,transaction id,source';
    const rows = (...lines: string[]) =>
      file(`${[header, ...lines].join('\n')}\n`, 'ids.csv', folder);
    await importFile(
      rows('2026-11-02,Ada,5,USD,cash,T1,paper', '2026-11-02,Bob,6,USD,cash,T2,paper'),
    );
    const again = await importFile(
      rows(
        '2026-11-02,Ada,5,USD,cash,T1,paper',
        '2026-11-02,Bob,7,USD,cash,T2,paper',
        '2026-11-02,Cy,8,USD,cash,T3,paper',
        '2026-11-02,Cy,8,USD,cash,T3,paper',
        '2026-11-02,Cy,9,USD,cash,T3,paper',
      ),
    );
    expect(json(again)).toMatchObject({ duplicates: 2, suspects: 2, skipped: 1 });
    expect(again.stderr).toMatch(/T2 is that of don_\w+, with another amount/);
  });

  it('one check may carry many gifts; the same gift about the same day needs a look', async () => {
    await importFile(csv(...THREE));
    const result = await importFile(
      csv(
        '2026-11-12,Bob,Byte,,2 Main St,07105,99.00,USD,check,0101,Water',
        '2026-11-12,Cy,Other,cy@example.org,3 Main St,07105,50.00,USD,check,0101,Water',
        '2026-11-04,Bob,Byte,,2 Main St,07105,20.00,USD,cash,,Schools',
        '2026-10-30,Ada,Lovelace,ada@example.org,,,50.00,USD,check,0101,Schools',
      ),
      '--partial',
    );
    expect(json(result)).toMatchObject({ imported: 2, suspects: 2 });
    expect(result.stderr).toMatch(/line 5 needs a look: like don_\w+ of 2026-11-02.*check number/);
  });

  it('a charge of our own is a duplicate', async () => {
    await importFile(csv(...THREE));
    const { rows } = await database.db.query<{ id: string }>(
      `insert into donations.donations (id, donor_id, amount_minor, currency, method, status, gift_on, received_on, settled_at)
       select 'don_' || repeat('0', 26), id, 5000, 'usd', 'card', 'succeeded', '2026-11-02', '2026-11-02', now()
       from donations.donors limit 1 returning id`,
    );
    await database.db.query(
      `insert into donations.charges (donation_id, payment_method, payment_intent_id) values ($1, 'pm_x', 'pi_imported1')`,
      [rows[0]?.id],
    );
    const result = await importFile(`${FIXTURES}stripe.csv`);
    expect(json(result)).toMatchObject({ rows: 4, imported: 1, duplicates: 1, skipped: 2 });
  });
});

describe('decisions', () => {
  it('taken after a partial import bring in what was left, each once', async () => {
    await importFile(csv(...THREE));
    const path = csv(
      '2026-11-03,Bob,Byte,,2 Main St,07105,20.00,USD,cash,,Schools',
      '2026-11-12,Cy,Other,cy@example.org,3 Main St,07105,70.00,USD,cash,,',
      '2026-11-03,Ada,Lovelace,ada@example.org,,,50.00,USD,check,0101,Schools',
      'never,Cy,Other,cy@example.org,,,1.00,USD,cash,,',
    );
    const { batch } = json(await importFile(path, '--partial'));
    const resumed = await run([
      'import',
      'resume',
      batch,
      '--accept',
      '2',
      '--skip',
      'all',
      '--yes',
      '--json',
    ]);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(json(resumed)).toMatchObject({
      rows: 4,
      imported: 2,
      suspects: 0,
      rejected: 0,
      skipped: 2,
    });
    expect(json(resumed).totals).toEqual({ USD: '90.00' });
    expect(await count('donations')).toBe(5);
    const again = await run(['import', 'resume', batch, '--yes', '--json']);
    expect(json(again)).toMatchObject({ imported: 2, totals: { USD: '90.00' } });
    expect(await count('donations')).toBe(5);
    expect((await run(['import', 'resume', batch, '--accept', '3', '--yes'])).code).toBe(2);
  });

  it('bring in a row above the place where the import was interrupted', async () => {
    await importFile(csv(...THREE));
    const path = csv(
      '2026-11-03,Bob,Byte,,2 Main St,07105,20.00,USD,cash,,Schools',
      '2026-11-12,Cy,Other,cy@example.org,3 Main St,07105,70.00,USD,cash,,',
    );
    const { batch } = json(await importFile(path, '--partial'));
    // As it stands when the process dies after its last chunk.
    await database.db.query(`update donations.batches set status = 'open' where id = $1`, [batch]);
    const resumed = await run(['import', 'resume', batch, '--accept', 'all', '--yes', '--json']);
    expect(json(resumed)).toMatchObject({ imported: 2, totals: { USD: '90.00' } });
    expect(await count('donations')).toBe(5);
  });

  it('an id that is here with another amount is accepted as a gift of its own', async () => {
    const header = 'date,donor,amount,currency,method,transaction id,source';
    const rows = (line: string) => file(`${header}\n${line}\n`, 'ids.csv', folder);
    await importFile(rows('2026-11-02,Ada,5,USD,cash,T1,paper'));
    const { batch } = json(await importFile(rows('2026-11-02,Ada,7,USD,cash,T1,paper')));
    const accepted = await run(['import', 'resume', batch, '--accept', 'all', '--yes', '--json']);
    expect(json(accepted)).toMatchObject({ imported: 1, totals: { USD: '7.00' } });
    expect(await count('donations')).toBe(2);
  });
});

describe('receipts', () => {
  it('are issued with jobs of low priority for those who can be mailed', async () => {
    const result = await importFile(csv(...THREE), '--receipts');
    expect(json(result)).toMatchObject({ imported: 3, receipts: 2 });
    expect(await count('receipts')).toBe(2);
    expect(await count('receipt_deliveries', `status = 'pending'`)).toBe(2);
    const queued = await jobs();
    expect(queued).toHaveLength(2);
    expect(queued.every(({ priority }) => priority > 0)).toBe(true);
  });

  it('only of gifts from a day on', async () => {
    const result = await importFile(csv(...THREE), '--receipt-after', '2026-11-03');
    expect(json(result)).toMatchObject({ receipts: 1 });
  });
});

describe('undo', () => {
  it('takes back what was imported; the same import leaves the same database', async () => {
    await importFile(
      csv('2026-10-01,Ada,Lovelace,ada@example.org,1 Main St,07105,5.00,USD,cash,,'),
    );
    const before = await contents();
    const { batch } = json(await importFile(csv(...THREE)));
    const imported = await contents();
    const undone = await run([
      'import',
      'undo',
      batch,
      '--yes',
      '--json',
      '--reason',
      'wrong file',
    ]);
    expect(undone.code).toBe(0);
    expect(json(undone)).toMatchObject({ undone: 3, refused: 0 });
    expect(await contents()).toBe(before);
    expect(json(await importFile(csv(...THREE)))).toMatchObject({ imported: 3 });
    expect(await contents()).toBe(imported);
    expect(await count('audit_log', `action = 'import.undo' and reason = 'wrong file'`)).toBe(1);
    expect((await run(['import', 'undo', batch, '--yes'])).code).toBe(1);
  });

  it('is all or nothing: refused where something was built on a gift', async () => {
    const { batch } = json(await importFile(csv(...THREE)));
    await database.db.query(
      `insert into donations.refunds (donation_id, total_minor, amount_minor, evidence)
       select id, 100, 100, 'test' from donations.donations limit 1`,
    );
    const refused = await run(['import', 'undo', batch, '--yes', '--json']);
    expect(refused.code).toBe(1);
    expect(json(refused)).toMatchObject({ undone: 0, refused: 1 });
    expect(await count('donations')).toBe(3);
  });

  it('voids receipts only by choice; their gifts stay as void, and can be imported again', async () => {
    const { batch } = json(await importFile(csv(...THREE), '--receipts'));
    const refused = await run(['import', 'undo', batch, '--yes', '--json']);
    expect(refused.code).toBe(1);
    expect(json(refused)).toMatchObject({ undone: 0, refused: 2 });
    const undone = await run(['import', 'undo', batch, '--yes', '--json', '--void-receipts']);
    expect(json(undone)).toMatchObject({ undone: 3, receipts_voided: 2 });
    expect(await count('receipts', `status = 'void'`)).toBe(2);
    expect(await count('donations', `status = 'void'`)).toBe(2);
    expect(await count('donations')).toBe(2);
    expect(await jobs()).toEqual([]);
    expect(json(await importFile(csv(...THREE), '--receipts'))).toMatchObject({
      imported: 3,
      receipts: 2,
    });
    // Issued and void together have no gap.
    const { rows } = await database.db.query(
      'select number::int from donations.receipts order by 1',
    );
    expect(rows.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });
});

describe('an interruption', () => {
  const MANY = 12_000;
  const many = () =>
    csv(
      ...Array.from(
        { length: MANY },
        (_, i) =>
          `2026-11-02,Many,Donor-${i % 400},m${i % 400}@example.org,,,${(i + 1) / 100},USD,cash,,Water`,
      ),
    );

  /** Starts an import and kills it as soon as `when` says so. @returns the batch's id. */
  function killed(
    args: string[],
    when: (line: string) => boolean | Promise<boolean>,
  ): Promise<string> {
    const child = spawn(process.execPath, ['bin/donations', ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let batch = '';
    createInterface({ input: child.stderr }).on('line', async (line) => {
      batch ||= /^Import (bat_\w+)/.exec(line)?.[1] ?? '';
      if (await when(line)) child.kill('SIGKILL');
    });
    return new Promise((resolve) => child.once('close', () => resolve(batch)));
  }

  it.each([
    ['while it reads', (line: string) => line.startsWith('Import bat_')],
    [
      'when the first chunk is done',
      async (line: string) => {
        if (!/^\d[\d,]* rows:/.test(line)) return false;
        while ((await count('donations')) === 0)
          await new Promise((resolve) => setImmediate(resolve));
        return true;
      },
    ],
  ])('by kill -9 %s: resumed is as if it had never been', async (_, when) => {
    const path = many();
    const batch = await killed(
      ['import', 'offline', path, '--yes', '--json', '--near-days', '0'],
      when,
    );
    const resumed = await run(['import', 'resume', batch, '--yes', '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(json(resumed)).toMatchObject({ rows: MANY, imported: MANY, rejected: 0, suspects: 0 });
    expect(await count('donations')).toBe(MANY);
    expect(await count('import_rows')).toBe(MANY);
    expect(await count('donors')).toBe(400);
    const { rows } = await database.db.query<{ total: bigint }>(
      'select sum(amount_minor)::bigint as total from donations.donations',
    );
    expect(rows[0]?.total).toBe(BigInt((MANY * (MANY + 1)) / 2));
    const again = await run(['import', 'resume', batch, '--yes', '--json']);
    expect(json(again)).toMatchObject({ imported: MANY });
    expect(await count('donations')).toBe(MANY);
  });
});

it('the progress of a resumed import counts the rows of this run', async () => {
  await importFile(csv(...THREE));
  const path = csv(
    '2026-11-03,Bob,Byte,,2 Main St,07105,20.00,USD,cash,,Schools',
    '2026-11-12,Cy,Other,cy@example.org,3 Main St,07105,70.00,USD,cash,,',
  );
  const { batch } = json(await importFile(path, '--partial'));
  const store = openImportStore(folder);
  decideRows(store, batch, 'accept', 'all', 'grace');
  const seen: [string, number][] = [];
  const deps: ImportDeps = {
    store,
    db: async () => database.db,
    operator: { actor: 'grace', host: 'test', command: 'test' },
    signal: new AbortController().signal,
    onProgress: (phase, rows) => seen.push([phase, rows]),
  };
  const open = await openBatch(deps, findBatch(store, batch));
  await planImport(deps, open);
  await commitImport(deps, open);
  await open.session.end();
  expect(seen).toEqual([
    ['matching', 0],
    ['importing', 0],
    ['importing', 1],
  ]);
});

describe('gifts taken offline', () => {
  const add = (environment: NodeJS.ProcessEnv, amount: string) =>
    run(
      [
        'offline',
        'add',
        '--amount',
        amount,
        '--currency',
        'usd',
        '--method',
        'cash',
        '--name',
        'Ada Lovelace',
        '--email',
        'ada@example.org',
        '--json',
      ],
      environment,
    );

  it('are kept with no database, and pushed once each by two laptops at once', async () => {
    const laptops = [scratch(), scratch()].map(machine);
    for (const [i, laptop] of laptops.entries()) {
      const lonely = { ...laptop, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
      for (const amount of ['5', '6']) expect((await add(lonely, `${amount}${i}`)).code).toBe(0);
      expect(json(await run(['offline', 'list', '--json'], lonely))).toHaveLength(2);
      expect((await run(['offline', 'push', '--json'], lonely)).code).toBe(69);
    }
    const pushed = await Promise.all(
      laptops.map((laptop) => run(['offline', 'push', '--json'], laptop)),
    );
    expect(pushed.map((each) => json(each).imported)).toEqual([2, 2]);
    const again = await Promise.all(
      laptops.map((laptop) => run(['offline', 'push', '--json'], laptop)),
    );
    expect(again.map((each) => json(each).rows)).toEqual([0, 0]);
    expect(await count('donations')).toBe(4);
    expect(await count('donors')).toBe(1);
  });

  it('refuses what is wrong, and keeps nothing of it', async () => {
    const wrong = await add(env, '4242 4242 4242 4242');
    expect(wrong.code).toBe(2);
    expect(json(await run(['offline', 'list', '--json']))).toEqual([]);
  });
});

describe('looking', () => {
  it('check adds up a file with no database', async () => {
    const lonely = { ...env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    const good = await run(
      [
        'import',
        'check',
        csv(...THREE),
        '--expect-total',
        'USD 70',
        '--expect-total',
        'EUR 25.5',
        '--json',
      ],
      lonely,
    );
    expect(good.code).toBe(0);
    expect(json(good)).toMatchObject({ rows: 3, valid: 3, totals: { USD: '70.00', EUR: '25.50' } });
    expect(
      (await run(['import', 'check', csv(...THREE), '--expect-count', '2'], lonely)).code,
    ).toBe(1);
  });

  it('diff tells gift by gift what a corrected file changes', async () => {
    await importFile(csv(...THREE));
    const corrected = csv(
      THREE[0]?.replace('50.00', '55.00') as string,
      THREE[1] as string,
      '2026-11-05,Cy,New,cy@example.org,,,7,USD,cash,,',
    );
    const result = await run(['import', 'diff', corrected, '--json']);
    expect(result.code, result.stderr).toBe(0);
    expect(json(result)).toEqual([
      expect.objectContaining({
        change: 'changed',
        donor: { id: null, name: 'Ada Lovelace', email: null },
        what: 'amount USD 50.00 → USD 55.00',
      }),
      expect.objectContaining({
        change: 'added',
        donor: expect.objectContaining({ name: 'Cy New' }),
      }),
      expect.objectContaining({
        change: 'removed',
        donor: expect.objectContaining({ name: 'Ada Lovelace' }),
      }),
    ]);
  });

  it('show and list tell what there is', async () => {
    const { batch } = json(await importFile(csv(...THREE)));
    expect(json(await run(['import', 'show', batch.slice(0, -3), '--json']))).toMatchObject({
      verdicts: { imported: 3 },
      totals: { USD: '70.00', EUR: '25.50' },
      totals_by_method: { check: { USD: '50.00', EUR: '25.50' } },
      totals_by_fund: { Water: { USD: '70.00' } },
    });
    expect(json(await run(['import', 'list', '--json']))).toMatchObject([
      { batch, status: 'imported', gift_count: 3, totals: { USD: '70.00', EUR: '25.50' } },
    ]);
    await importFile(csv(...THREE));
    await run(['import', 'offline', csv(...THREE.slice(1), THREE[0]?.replace('50.00', '9') ?? '')]);
    expect(json(await run(['import', 'list', '--json=status']))).toEqual([
      { status: 'staged' },
      { status: 'nothing_new' },
      { status: 'imported' },
    ]);
  });

  it('a saved mapping is used by its name', async () => {
    const map = file(
      JSON.stringify({
        columns: { Wann: 'gift_date', Wer: 'donor_name', Wieviel: 'amount' },
        defaults: { currency: 'eur', method: 'cash' },
        dates: 'dmy',
        locale: 'de-DE',
      }),
      'm.json',
      folder,
    );
    expect((await run(['import', 'map', 'save', 'kasse', map])).code).toBe(0);
    expect(json(await run(['import', 'map', 'list', '--json']))).toMatchObject([
      { mapping: 'kasse', column_count: 3 },
    ]);
    const path = file('Wann;Wer;Wieviel\n04.01.2026;Ada;"1.230,99"\n', 'k.csv', folder);
    expect((await importFile(path)).code).toBe(2);
    expect(json(await importFile(path, '--map', 'kasse'))).toMatchObject({
      totals: { EUR: '1230.99' },
    });
  });
});

describe.skipIf(!hasTmux)('columns of unknown meaning', () => {
  it('are asked for on a terminal, until an answer makes sense; what the names say is not asked', async () => {
    const path = file(
      'When,Who,How much,Currency,Method\n11/02/2026,Gus Gift,15.00,USD,cash\n',
      'odd.csv',
      folder,
    );
    const terminal = new Tmux(
      `${process.execPath} bin/donations import offline ${path}; sleep 600`,
      { columns: 110, rows: 40 },
      env,
    );
    try {
      const answer = async (asked: RegExp, text: string) => {
        await terminal.until(asked);
        terminal.type(text);
        terminal.keys('Enter');
      };
      await answer(/Which column is the amount .*\]\s*$/, 'three');
      await terminal.until(/"three" is not one of 1, 2, 3\./);
      await answer(/one of 1, 2, 3\.\s+Which column is the amount .*\]\s*$/, '3');
      await answer(/Which column is the gift_date .*\]\s*$/, 'When');
      await answer(/Which column is the donor_name .*\]\s*$/, '2');
      await answer(/How are dates written\? .*\]\s*$/, 'mdy');
      await answer(/Keep this mapping under a name\? .*\]\s*$/, 'odd');
      await answer(/Import 1 row,.*\]\s*$/, 'y');
      await terminal.until(/Imported 1 of 1 row .* USD 15\.00/);
    } finally {
      terminal.close();
    }
    expect(json(await run(['import', 'map', 'list', '--json']))).toMatchObject([
      { mapping: 'odd' },
    ]);
    expect(await count('donations', `gift_on = '2026-11-02'`)).toBe(1);
  });
});

it('the first example of the documentation works as pasted', async () => {
  const text = readFileSync('docs/importing.md', 'utf8');
  const example = /```sh\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const root = process.cwd();
  const script = `set -e\ndonations() { "${process.execPath}" "${root}/bin/donations" "$@"; }\n${example}`;
  const child = spawn('bash', ['-c', script], {
    env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, out).toBe(0);
  expect(out).toMatch(/Imported 2 of 2 rows as bat_\w+: USD 1250\.00/);
});
