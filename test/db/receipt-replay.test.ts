import { afterEach, beforeEach, expect, it } from 'vitest';
import { applyChange } from '../../src/lib/bulk/apply.ts';
import { atFullSpeed } from '../../src/lib/bulk/pacing.ts';
import { loadConfig } from '../../src/lib/config.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { ensureMode } from '../../src/lib/db/prepare.ts';
import { ensureOrganization } from '../../src/lib/organizations/organization.ts';
import { recordAddressNews } from '../../src/lib/receipts/addresses.ts';
import { recordBounces } from '../../src/lib/receipts/evidence.ts';
import { listDeliveries } from '../../src/lib/receipts/list.ts';
import { listMissing } from '../../src/lib/receipts/missing.ts';
import { type ReplayOptions, replayReceipts } from '../../src/lib/receipts/replay.ts';
import { parseReceiptFilter } from '../../src/lib/receipts/vocabulary.ts';
import { voidReceipt } from '../../src/lib/receipts/void.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addReceipt, type DeliveryState } from '../support/receipts.ts';
import { type addDonation, addDonor } from '../support/records.ts';

const { config } = loadConfig({ env: { HOME: '/nowhere' }, cwd: '/' });
const WHO = { actor: 'grace', host: 'here' };
const PLAIN: ReplayOptions = { includeHeld: false, force: false };

let database: TestDatabase;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  db = database.db;
  await ensureMode(db, 'sandbox');
  await ensureOrganization(db, config);
});
afterEach(() => database.drop());

const issued = (status: DeliveryState, donation?: Parameters<typeof addDonation>[1]) =>
  addReceipt(db, status, donation);

async function replay(
  text: string,
  options: Partial<ReplayOptions> = {},
  limit = Number.MAX_SAFE_INTEGER,
) {
  const change = replayReceipts(parseReceiptFilter(text), { ...PLAIN, ...options });
  const plan = await change.plan(db, limit);
  const pacing = atFullSpeed(new AbortController().signal);
  const applied = await applyChange(db, change, {
    plan,
    operator: WHO,
    reason: 'mended',
    pacing,
    onChunk: () => {},
  });
  return { plan, ...applied };
}

const jobs = async () =>
  (
    await db.query<{ key: string; attempts: number; inMs: number }>(
      `select key, attempts, extract(epoch from run_at - now())::float8 * 1000 as "inMs"
       from graphile_worker.jobs order by run_at, id`,
    )
  ).rows;

it('sends no more than the limit, and finds them behind those that it passes over', async () => {
  const gone = await issued('failed');
  await voidReceipt(db, await gone.load(), { ...WHO, reason: 'wrong' });
  const first = await issued('failed');
  const second = await issued('failed');
  expect(await replay('', {}, 1)).toMatchObject({ changed: 1, plan: { eligible: 2 } });
  expect((await first.load()).deliveries).toMatchObject([{ status: 'pending' }]);
  expect((await second.load()).deliveries).toMatchObject([{ status: 'failed' }]);
  expect(await replay('', {}, 1)).toMatchObject({ changed: 1, plan: { eligible: 1 } });
  expect(await jobs()).toHaveLength(2);
});

it('sends each that failed once more, as itself, and tells what it passes over', async () => {
  const failed = await issued('failed');
  await issued('held');
  await issued('accepted');
  await issued('pending');
  const { plan, changed, operation } = await replay('');
  expect(plan).toMatchObject({
    eligible: 1,
    count: 1,
    donors: 1,
    effects: ['1 e-mail to 1 donor'],
    skipped: [],
  });
  expect(changed).toBe(1);
  expect((await failed.load()).deliveries).toMatchObject([
    { id: failed.deliveryId, kind: 'original', status: 'pending', reason: undefined },
  ]);
  const key = `send:${failed.deliveryId}`;
  expect((await jobs()).filter((job) => job.key === key)).toMatchObject([{ attempts: 0 }]);
  const { rows } = await db.query(
    'select action, actor, reason from donations.audit_log where id = $1',
    [operation],
  );
  expect(rows).toEqual([{ action: 'receipts.replay', actor: 'grace', reason: 'mended' }]);
  const all = await replay('status:failed,held,accepted,pending');
  expect(all.changed).toBe(0);
  expect(all.plan.skipped.map(({ reason }) => reason).sort()).toEqual([
    'it is on its way',
    'it may have been sent: --include-held sends it all the same',
    'it was sent',
  ]);
});

it('enqueues none twice, however many operators do it at once', async () => {
  const receipts: Awaited<ReturnType<typeof issued>>[] = [];
  for (let i = 0; i < 12; i++) receipts.push(await issued(i % 2 ? 'failed' : 'accepted'));
  await db.transaction((tx) =>
    recordBounces(
      tx,
      receipts.map(({ deliveryId }) => ({ deliveryId, reason: '550', at: new Date() })),
    ),
  );
  const results = await Promise.all([1, 2, 3, 4].map(() => replay('status:failed,bounced')));
  expect(results.reduce((sum, { changed }) => sum + changed, 0)).toBe(12);
  const keys = (await jobs()).map(({ key }) => key);
  expect(new Set(keys).size).toBe(12);
  expect(keys).toHaveLength(12);
  expect((await replay('status:failed,bounced')).changed).toBe(0);
});

it('sends what bounced as another delivery, to the address of today', async () => {
  const donor = await addDonor(db);
  const { deliveryId, load } = await issued('accepted', { donor });
  const at = new Date();
  const email = `${donor}@example.org`;
  await db.transaction(async (tx) => {
    await recordBounces(tx, [{ deliveryId, reason: '550 no such user', at }]);
    await recordAddressNews(tx, [{ email, problem: 'bounced', detail: '550 no such user', at }]);
  });
  const bounced = await listDeliveries(db, parseReceiptFilter('status:bounced'), { limit: 9 });
  expect(bounced.deliveries).toMatchObject([
    { delivery: deliveryId, status: 'bounced', reason: '550 no such user' },
  ]);
  expect((await listMissing(db, { since: null, limit: 9 })).missing.map(({ why }) => why)).toEqual([
    'it did not arrive: 550 no such user',
  ]);
  expect((await replay('status:bounced')).plan.skipped).toEqual([
    { reason: 'its address gets no mail: --force sends it all the same', count: 1 },
  ]);
  await db.query(`update donations.donor_emails set email = 'right@example.org'`);
  expect((await replay('status:bounced')).changed).toBe(1);
  expect((await load()).deliveries).toMatchObject([
    { id: deliveryId, status: 'accepted' },
    { kind: 'copy', status: 'pending', recipient: 'right@example.org' },
  ]);
});

it('sends held ones only when told to, and warns', async () => {
  const { load } = await issued('held');
  const change = replayReceipts(parseReceiptFilter('status:held'), { ...PLAIN, includeHeld: true });
  const plan = await change.plan(db, 10);
  expect(change.warnings(plan)).toEqual(['1 may have arrived already, and would arrive twice']);
  // Several of them may go to one donor.
  expect(change.warnings({ ...plan, donors: 1, unknown: 3 })).toEqual([
    '3 may have arrived already, and would arrive twice',
  ]);
  await replay('status:held', { includeHeld: true });
  expect((await load()).deliveries).toMatchObject([{ status: 'pending', resends: 1 }]);
});

it('spreads them over the time that it is told', async () => {
  for (let i = 0; i < 4; i++) await issued('failed');
  await replay('status:failed', { spreadMs: 400_000 });
  const due = (await jobs()).map(({ inMs }) => Math.abs(Math.round(inMs / 100_000)));
  expect(due).toEqual([0, 1, 2, 3]);
});

it('takes a filter of funds, campaigns, donors, days and numbers', async () => {
  const gala = await issued('failed', { fund: 'Gala', campaign: 'Spring' });
  const water = await issued('failed', { fund: 'Clean Water' });
  const found = async (text: string) =>
    (await listDeliveries(db, parseReceiptFilter(text), { limit: 9 })).deliveries.map(
      ({ number }) => number,
    );
  expect(await found('fund:gala')).toEqual([gala.number]);
  expect(await found('-fund:gala')).toEqual([water.number]);
  expect(await found('campaign:spring status:failed')).toEqual([gala.number]);
  expect(await found(`number:${water.number}`)).toEqual([water.number]);
  expect(await found('received:2026-11-23')).toHaveLength(2);
  expect(await found('received:>2026-11')).toEqual([]);
  expect(await found('reason:~broke since:1h amount:>49')).toHaveLength(2);
  await voidReceipt(db, await gala.load(), { ...WHO, reason: 'wrong' });
  expect(await found('status:void')).toEqual([gala.number]);
  expect((await replay('status:failed')).changed).toBe(1);
});
