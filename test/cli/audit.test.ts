import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordAudit } from '../../src/lib/audit/record.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { addJob } from '../support/jobs.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
/** What was done before the tests, by action. */
const ids: Record<string, string> = {};
let discarded: string[] = [];

const as = (actor: string, ...args: string[]) =>
  runCli(args, { env: { ...system.env, DONATIONS_ACTOR: actor } });
const cli = (...args: string[]) => as('grace', ...args);
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await cli(...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};

const done = async (result: Promise<CliResult>) => {
  const { code, stderr } = await result;
  expect(code, stderr).toBe(0);
};

beforeAll(async () => {
  system = await startSystem();
  const { db } = system;
  discarded = [];
  for (let i = 0; i < 3; i++) discarded.push(await addJob(db, { state: 'failed' }));
  await done(as('grace', 'jobs', 'discard', '--failed', '--yes', '--reason', 'test data'));
  for (let i = 0; i < 2; i++) await addJob(db, { state: 'failed', error: 'timed out' });
  await done(as('ada', 'jobs', 'retry', '--failed', '--yes'));
  await done(as('ada', 'jobs', 'pause', 'send_receipt', '--reason', 'wrong logo'));
  const { rows } = await db.query<{ id: string; action: string }>(
    'select id, action from donations.audit_log where operation is null',
  );
  for (const { id, action } of rows) ids[action] = id;
});
afterAll(() => system.close());

describe('audit', () => {
  it('lists who changed what, how many and why, the latest first; a bulk change is one line', async () => {
    expect(await json('audit')).toMatchObject([
      {
        actor: `ada@${hostname()}`,
        action: 'jobs.pause',
        subject: 'send_receipt',
        affected: null,
        reason: 'wrong logo',
      },
      { action: 'jobs.retry', affected: 2, filter: 'state:failed', reason: null },
      {
        actor: `grace@${hostname()}`,
        action: 'jobs.discard',
        affected: 3,
        reason: 'test data',
        audit: ids['jobs.discard'],
        command: "donations jobs discard --failed --yes --reason 'test data'",
      },
    ]);
    // `audit` without a verb lists.
    expect(await json('audit', 'list')).toEqual(await json('audit'));
    const { stdout } = await cli('audit');
    expect(stdout.trim().split('\n')).toHaveLength(4);
  });

  it.each([
    [['--action', 'jobs.retry'], ['jobs.retry']],
    [
      ['--action', 'jobs'],
      ['jobs.pause', 'jobs.retry', 'jobs.discard'],
    ],
    [['--by', 'grace'], ['jobs.discard']],
    [
      ['--by', `ada@${hostname()}`],
      ['jobs.pause', 'jobs.retry'],
    ],
    [['--since', '1h', '--limit', '1'], ['jobs.pause']],
    // Known before the first of them.
    [['--action', 'receipts.void'], []],
    [['--action', 'donors.gift-aid-withdraw'], []],
  ])('%j', async (args, actions) => {
    const rows = await json('audit', ...args);
    expect(rows.map(({ action }: { action: string }) => action)).toEqual(actions);
  });

  it('omits older entries, and says when there are more', async () => {
    await system.db.query(
      `insert into donations.audit_log (id, at, actor, host, action)
       values ('aud_00000000000000000000000001', now() - interval '30 d', 'old', 'here', 'old.thing')`,
    );
    expect(await json('audit', '--by', 'old', '--since', '31d')).toHaveLength(1);
    const none = await cli('audit', '--by', 'old', '--since', '29d');
    expect(none).toMatchObject({ code: 0, stdout: '' });
    expect((await cli('audit', '--limit', '2')).stderr).toContain('Next: donations audit');
  });

  it.each([
    [['audit', '--since', 'soon'], 'not a duration'],
    [['audit', '--limit', '0'], 'not a whole number'],
    [['audit', '--action', 'job'], 'there is no action'],
    [['audit', '--action', 'jobs.retri'], 'jobs.retry'],
    [['audit', 'nonsense'], ''],
    [['audit', 'show', 'aud_'], 'matches several'],
  ])('%j is a usage error', async (args, words) => {
    const { code, stderr } = await cli(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});

describe('audit show', () => {
  it('shows the whole entry, its jobs, and how to undo it', async () => {
    const id = ids['jobs.discard'] as string;
    const { code, stdout, stderr } = await cli('audit', 'show', id.slice(0, 24));
    expect(code).toBe(0);
    expect(stdout).toContain('state:failed');
    expect(stdout).toContain('--reason');
    const chunk = /^Which jobs: donations audit show (aud_\w{26})$/m.exec(stderr)?.[1] as string;
    expect(stderr).toContain(`Undo: donations jobs restore ${id}`);
    expect(await json('audit', 'show', chunk)).toMatchObject({
      part_of: id,
      affected: 3,
      before: { state: 'failed', jobs: expect.arrayContaining(discarded.map(Number)) },
    });
    const entry = await json('audit', 'show', id);
    expect(entry).toMatchObject({ affected: 3, chunk_count: 1, restorable: 3 });
    expect(entry.chunks[0].audit).toBe(chunk);
    await cli('jobs', 'restore', id);
    expect((await cli('audit', 'show', id)).stderr).not.toContain('Undo');
  });

  it('shows what was before and after', async () => {
    const { stdout } = await cli('audit', 'show', ids['jobs.pause'] as string);
    expect(stdout).toMatch(/^BEFORE +\[\]$/m);
    expect(stdout).toMatch(/^AFTER +\[\{.*"reason":"ada: wrong logo"/m);
  });

  it('reads a bounded number of chunks', async () => {
    const { db } = system;
    const who = { actor: 'bulk', host: 'here', action: 'jobs.retry' as const };
    const operation = await recordAudit(db, { ...who, filter: 'state:failed' });
    for (let i = 0; i < 25; i++) await recordAudit(db, { ...who, operation, affected: 10 });
    const entry = await json('audit', 'show', operation);
    expect(entry).toMatchObject({ affected: 250, chunk_count: 25 });
    expect(entry.chunks).toHaveLength(20);
    expect((await cli('audit', 'show', operation)).stdout).toContain('the first 20 of 25');
    expect(await json('audit', '--by', 'bulk')).toMatchObject([{ affected: 250 }]);
  });

  it.each(['aud_zzz', 'nonsense', '%'])('%s is not found', async (ref) => {
    expect((await cli('audit', 'show', ref)).code).toBe(3);
  });
});

describe('the audit trail', () => {
  const CHANGES = [
    `update donations.audit_log set actor = 'somebody else'`,
    'delete from donations.audit_log',
    'truncate donations.audit_log',
  ];
  const DENIED = '42501'; // insufficient_privilege

  it.each(CHANGES)('refuses by its trigger even who may do anything: %s', async (sql) => {
    await expect(system.db.query(sql)).rejects.toMatchObject({
      code: DENIED,
      message: expect.stringContaining('append-only'),
    });
  });

  it.each(CHANGES)('refuses its owner by privilege alone: %s', async (sql) => {
    const attempt = system.db.transaction(async (tx) => {
      // An owner without superuser rights and without the trigger; rolled back at the end.
      await tx.query('create role audit_owner');
      await tx.query('grant usage on schema donations to audit_owner');
      await tx.query('alter table donations.audit_log owner to audit_owner');
      await tx.query('alter table donations.audit_log disable trigger audit_log_append_only');
      await tx.query('set local role audit_owner');
      await tx.query('select 1 from donations.audit_log');
      await tx.query(sql);
    });
    await expect(attempt).rejects.toMatchObject({
      code: DENIED,
      message: expect.stringContaining('permission denied'),
    });
  });
});
