import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planRequest } from '../../src/commands/monitor/operations/plan-request.ts';
import type { OperationDeps } from '../../src/commands/monitor/operations/planned.ts';
import { commandOf, type Request } from '../../src/commands/monitor/requests.ts';
import { listIncidents } from '../../src/lib/alerts/incidents.ts';
import { listSilences } from '../../src/lib/alerts/silences.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { readWithin } from '../../src/lib/db/read.ts';
import { newId } from '../../src/lib/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addJob } from '../support/jobs.ts';

let database: TestDatabase;
let db: Db;
let deps: OperationDeps;
beforeEach(async () => {
  database = await createTestDatabase();
  ({ db } = database);
  deps = {
    db: async () => db,
    read: (work) => readWithin(db, 5000, work),
    operator: async () => ({ actor: 'grace', host: 'desk' }),
    inSpan: (_name, work) => work(),
    now: () => new Date(),
  };
});
afterEach(() => database.drop());

const count = async (sql: string) => {
  const { rows } = await db.query<{ count: number }>(`select count(*)::int as count from ${sql}`);
  return rows[0]?.count;
};
const running = (signal = new AbortController().signal) => {
  const done: number[] = [];
  return { signal, done, onProgress: (changed: number) => void done.push(changed) };
};

describe('a change from the monitor', () => {
  it('has the plan of the command, asks by danger, and is on record with the command', async () => {
    for (let i = 0; i < 3; i++) await addJob(db, { state: 'failed' });
    const held = await addJob(db, { state: 'held' });
    const request: Request = { kind: 'retry', filter: 'task:send_receipt state:failed,held' };
    const planned = await planRequest(deps, request);
    expect(planned).toMatchObject({ confirm: { by: 'typing', word: '3' }, total: 3 });
    expect(planned.title).toMatch(/^Retry 3 jobs/);
    expect(planned.lines.join('\n')).toMatch(/skipped +1: may have taken effect/);
    expect(planned.lines.join('\n')).toMatch(/effects +0 charges, 3 e-mails/);
    const progress = running();
    const { lines, stopped } = await planned.apply(request, progress);
    expect(lines[0]).toBe('Retried 3 of 3 jobs.');
    expect(stopped).toBe(false);
    expect(progress.done).toEqual([3]);
    expect(await count(`donations.job_verdicts where job_id = ${held}`)).toBe(1);
    const { rows } = await db.query<{ command: string }>(
      `select command from donations.audit_log where operation is null`,
    );
    expect(rows[0]?.command).toBe(`${commandOf(request)}   # in donations monitor`);
  });

  it('that is stopped ends at a whole chunk, and says how to go on', async () => {
    for (let i = 0; i < 3; i++) await addJob(db, { state: 'failed' });
    const request: Request = { kind: 'discard', filter: 'state:failed' };
    const planned = await planRequest(deps, request);
    const { lines, stopped } = await planned.apply(request, running(AbortSignal.abort()));
    expect(stopped).toBe(true);
    expect(lines).toContain('Stopped after a whole chunk. The same change again does the rest.');
    expect(await count('donations.discarded_jobs')).toBe(0);
  });

  it('is not made when more have come since its plan', async () => {
    for (let i = 0; i < 2; i++) await addJob(db, { state: 'failed' });
    const request: Request = { kind: 'retry', filter: 'state:failed' };
    const planned = await planRequest(deps, request);
    await addJob(db, { state: 'failed' });
    const { lines } = await planned.apply(request, running());
    expect(lines[0]).toMatch(/there are more: nothing was changed/);
    expect(await count(`donations.job_verdicts`)).toBe(3);
  });

  it.each([
    [{ kind: 'retry' }, { by: 'enter' }],
    [{ kind: 'discard' }, { by: 'y' }],
  ] as const)('of one job: %j asks for %j', async (kind, confirm) => {
    const job = await addJob(db, { state: 'failed' });
    const planned = await planRequest(deps, { ...kind, filter: `job:${job}` });
    expect(planned.confirm).toEqual(confirm);
  });

  it('that would change nothing asks nothing', async () => {
    await addJob(db, { state: 'held' });
    const planned = await planRequest(deps, { kind: 'retry', filter: 'state:held' });
    expect(planned).toMatchObject({ confirm: { by: 'nothing' }, total: 0 });
    expect((await planRequest(deps, { kind: 'rescue', worker: undefined })).confirm).toEqual({
      by: 'nothing',
    });
  });

  it('discards, and restores by the entry of the discard', async () => {
    const job = await addJob(db, { state: 'failed' });
    const request: Request = { kind: 'discard', filter: `job:${job}` };
    const { discarded } = await (await planRequest(deps, request)).apply(request, running());
    expect(discarded).toMatch(/^aud_/);
    const undo: Request = { kind: 'restore', ref: discarded ?? '' };
    const planned = await planRequest(deps, undo);
    expect(planned.title).toBe('Restore 1 job');
    await planned.apply(undo, running());
    expect(await count('donations.discarded_jobs where restored_as is null')).toBe(0);
    expect((await planRequest(deps, undo)).title).toBe('Nothing to restore');
  });

  it('pauses for a time, and lets run again', async () => {
    await addJob(db);
    const pause: Request = { kind: 'pause', task: 'send_receipt', forTime: '30m' };
    const planned = await planRequest(deps, pause);
    expect(planned.lines.join('\n')).toMatch(/due now +1,/);
    await planned.apply(pause, running());
    expect(await count('donations.task_pauses where until is not null')).toBe(1);
    const resume: Request = { kind: 'resume', task: 'send_receipt' };
    const { lines } = await (await planRequest(deps, resume)).apply(resume, running());
    expect(lines).toEqual(['send_receipt runs again.']);
    expect(await count('donations.task_pauses')).toBe(0);
  });

  it('runs waiting jobs at another time', async () => {
    await addJob(db, { state: 'scheduled' });
    const request: Request = { kind: 'reschedule', filter: 'state:scheduled', when: 'now' };
    const planned = await planRequest(deps, request);
    await planned.apply(request, running());
    expect(await count('graphile_worker.jobs where run_at <= now()')).toBe(1);
  });
});

describe('alerts', () => {
  const addIncident = async (rest: { rule?: string; subject?: string } = {}) => {
    const id = newId('incident');
    await db.query(
      `insert into donations.incidents (id, rule, kind, subject, level, worst, value, peak, opened_at, updated_at)
       values ($1, $2, 'failed', $3, 'critical', 'critical', 412, 412, now() - interval '1 hour', now())`,
      [id, rest.rule ?? 'failed', rest.subject ?? 'send_receipt'],
    );
    return id;
  };
  const run = async (request: Request) => {
    const planned = await planRequest(deps, request);
    return { planned, applied: await planned.apply(request, running()) };
  };
  const audited = async () =>
    (
      await db.query<{ action: string; command: string; reason: string | null }>(
        'select action, command, reason from donations.audit_log order by at, id',
      )
    ).rows;

  it('are acknowledged for a time, with a reason, on record', async () => {
    const id = await addIncident();
    const request: Request = { kind: 'acknowledge', id, forTime: '2h', reason: 'asked SendGrid' };
    const { planned, applied } = await run(request);
    expect(planned).toMatchObject({
      confirm: { by: 'enter' },
      title: 'Acknowledge: send_receipt 412 failed',
    });
    expect(planned.lines.join('\n')).toMatch(/until +in 2h\nwhy +asked SendGrid/);
    expect(applied.lines).toEqual([`${id} is acknowledged by grace for 2h.`]);
    expect(await listIncidents(db, { limit: 1 })).toMatchObject([
      { acknowledged: true, acknowledgedBy: 'grace' },
    ]);
    expect(await audited()).toEqual([
      {
        action: 'alerts.ack',
        command: `${commandOf(request)}   # in donations monitor`,
        reason: 'asked SendGrid',
      },
    ]);
    const again = await planRequest(deps, { ...request, forTime: '' });
    expect(again.lines.join('\n')).toMatch(/so far +acknowledged by grace[\s\S]*until +it is over/);
  });

  it('that are over cannot be acknowledged', async () => {
    const id = await addIncident();
    await db.query('update donations.incidents set closed_at = now()');
    const request: Request = { kind: 'acknowledge', id, forTime: '', reason: '' };
    expect(await planRequest(deps, request)).toMatchObject({ confirm: { by: 'nothing' } });
  });

  it('are silenced, which shows what it is of, and sent again', async () => {
    await addIncident();
    await addIncident({ subject: 'charge_card' });
    const what = { rule: 'failed', task: 'send_receipt' };
    const { planned } = await run({ kind: 'silence', ...what, forTime: '30m', reason: 'moving' });
    expect(planned.title).toBe('Send no alerts of rule failed of task send_receipt');
    expect(planned.lines.join('\n')).toMatch(/open now +1 incident\n +send_receipt 412 failed/);
    expect((await listIncidents(db, { limit: 2 })).filter(({ silenced }) => silenced)).toHaveLength(
      1,
    );
    const end = await run({ kind: 'unsilence', ...what });
    expect(end.planned.lines.join('\n')).toMatch(/by grace, else until in 30m: moving/);
    expect(await listSilences(db)).toEqual([]);
    expect((await audited()).map(({ action }) => action)).toEqual([
      'alerts.silence',
      'alerts.unsilence',
    ]);
    expect(await planRequest(deps, { kind: 'unsilence', ...what })).toMatchObject({
      confirm: { by: 'nothing' },
    });
  });
});

describe('the command that does the same', () => {
  it.each<[Request, string]>([
    [{ kind: 'retry', filter: 'job:4711,4712' }, 'donations jobs retry 4711 4712'],
    [
      { kind: 'discard', filter: 'error:~"it\'s broken"' },
      `donations jobs discard 'error:~"it'\\''s broken"'`,
    ],
    [{ kind: 'reschedule', filter: 'job:1', when: '30m' }, 'donations jobs reschedule 1 --in 30m'],
    [
      { kind: 'reschedule', filter: 'job:1', when: '2026-11-24T08:00Z' },
      'donations jobs reschedule 1 --at 2026-11-24T08:00Z',
    ],
    [{ kind: 'pause', task: 'send_receipt', forTime: '' }, 'donations jobs pause send_receipt'],
    [{ kind: 'rescue', worker: 'wrk_1' }, 'donations jobs rescue --worker wrk_1'],
    // Undecided, it decides nothing when it is pasted.
    [{ kind: 'resolve', ref: 'dlv_1', outcome: undefined }, 'donations receipts show dlv_1'],
    [{ kind: 'resolve', ref: 'dlv_1', outcome: 'sent' }, 'donations receipts resolve dlv_1 --sent'],
    [{ kind: 'acknowledge', id: 'inc_1', forTime: '', reason: '' }, 'donations alerts ack inc_1'],
    [
      { kind: 'acknowledge', id: 'inc_1', forTime: '2h', reason: 'at it' },
      `donations alerts ack inc_1 --for 2h --reason 'at it'`,
    ],
    [
      { kind: 'silence', rule: 'failed', task: 'send_receipt', forTime: '30m', reason: '' },
      'donations alerts silence --rule failed --task send_receipt --for 30m',
    ],
    [
      { kind: 'unsilence', rule: null, task: 'send_receipt' },
      'donations alerts silence --end --task send_receipt',
    ],
  ])('%j: %s', (request, command) => {
    expect(commandOf(request)).toBe(command);
  });
});
