import { afterEach, beforeEach, expect, it } from 'vitest';
import { aboutReceipt } from '../../src/lib/audit/about.ts';
import { decisionsAbout } from '../../src/lib/audit/decisions.ts';
import { listAudit } from '../../src/lib/audit/entries.ts';
import { applyChange } from '../../src/lib/bulk/apply.ts';
import { atFullSpeed } from '../../src/lib/bulk/pacing.ts';
import { loadConfig } from '../../src/lib/config.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { ensureMode } from '../../src/lib/db/prepare.ts';
import { newId } from '../../src/lib/ids.ts';
import { ensureOrganization } from '../../src/lib/organizations/organization.ts';
import { recordAddressNews } from '../../src/lib/receipts/addresses.ts';
import { type ResolveOptions, resolveReceipts } from '../../src/lib/receipts/resolve-many.ts';
import { keepEvidence } from '../../src/lib/receipts/settle.ts';
import { parseReceiptFilter } from '../../src/lib/receipts/vocabulary.ts';
import { voidReceipt } from '../../src/lib/receipts/void.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addReceipt } from '../support/receipts.ts';

const { config } = loadConfig({ env: { HOME: '/nowhere' }, cwd: '/' });
const WHO = { actor: 'grace', host: 'here' };

let database: TestDatabase;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  db = database.db;
  await ensureMode(db, 'sandbox');
  await ensureOrganization(db, config);
});
afterEach(() => database.drop());

const options = (rest: Partial<ResolveOptions>): ResolveOptions => ({
  outcome: 'sent',
  force: false,
  actor: 'grace',
  ...rest,
});

async function resolve(text: string, rest: Partial<ResolveOptions> = {}, chunk?: number) {
  const change = resolveReceipts(parseReceiptFilter(text), options(rest));
  const plan = await change.plan(db, Number.MAX_SAFE_INTEGER);
  const full = atFullSpeed(new AbortController().signal);
  let chunks = 0;
  const pacing = chunk === undefined ? full : { ...full, next: async () => (chunks++ ? 0 : chunk) };
  const applied = await applyChange(db, change, {
    plan,
    operator: WHO,
    reason: 'in the activity feed',
    pacing,
    onChunk: () => {},
  });
  return { plan, ...applied };
}

const jobs = async () =>
  (
    await db.query<{ key: string; attempts: number }>(
      'select key, attempts from graphile_worker.jobs order by id',
    )
  ).rows;
const states = async () =>
  (
    await db.query<{ status: string; count: number }>(
      'select status, count(*)::int from donations.receipt_deliveries group by status order by status',
    )
  ).rows;

it('counts those that are held as sent, ends their jobs, and says who decided', async () => {
  const held = [await addReceipt(db, 'held'), await addReceipt(db, 'held')];
  await addReceipt(db, 'failed');
  const { plan, changed, operation } = await resolve('');
  expect(plan).toMatchObject({ eligible: 2, donors: 2, effects: [], unknown: 0, skipped: [] });
  expect(changed).toBe(2);
  for (const { load } of held)
    expect((await load()).deliveries).toMatchObject([
      { status: 'accepted', evidence: 'grace says that it was sent', reason: undefined },
    ]);
  expect(await jobs()).toHaveLength(1);
  const [{ receiptId }] = held as [(typeof held)[0]];
  const subjects = await aboutReceipt(db, receiptId);
  expect(await listAudit(db, { about: subjects, limit: 5 })).toMatchObject([
    { id: operation, action: 'receipts.resolve', outcome: 'sent', affected: 2, actor: 'grace' },
  ]);
  expect(await decisionsAbout(db, subjects, new Date(0))).toMatchObject([
    { id: operation, words: 'says that the receipt was sent', reason: 'in the activity feed' },
  ]);
});

it('sends them again, each by one new job', async () => {
  const { deliveryId, load } = await addReceipt(db, 'held');
  const { plan, changed } = await resolve('status:held', { outcome: 'resend' });
  expect(plan).toMatchObject({ effects: ['1 e-mail to 1 donor'], unknown: 1 });
  expect(changed).toBe(1);
  expect((await load()).deliveries).toMatchObject([{ status: 'pending', resends: 1 }]);
  expect(await jobs()).toEqual([{ key: `send:${deliveryId}`, attempts: 0 }]);
  expect((await load()).deliveries[0]?.jobId).toBeDefined();
  expect((await resolve('', { outcome: 'resend' })).changed).toBe(0);
});

it('tells why it skips a receipt', async () => {
  const { receiptId: sent } = await addReceipt(db, 'accepted');
  const { receiptId: waits } = await addReceipt(db, 'pending');
  const { receiptId: failed } = await addReceipt(db, 'failed');
  const isVoid = await addReceipt(db, 'held');
  await voidReceipt(db, await isVoid.load(), { ...WHO, reason: 'wrong' });
  const proved = await addReceipt(db, 'held');
  await keepEvidence(db, { id: proved.deliveryId, evidence: 'SendGrid', messageId: undefined });
  const bounced = await addReceipt(db, 'held');
  const { recipient } = (await bounced.load()).deliveries[0] as { recipient: string };
  await db.transaction((tx) =>
    recordAddressNews(tx, [{ email: recipient, problem: 'bounced', detail: '', at: new Date() }]),
  );
  const copied = await addReceipt(db, 'held');
  await db.query(
    `insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status, claim, accepted_at)
     values ($1, $2, 'copy', 'new@example.org', 'accepted', gen_random_uuid(), now())`,
    [newId('delivery'), copied.receiptId],
  );
  const ids = [sent, waits, failed, ...[isVoid, proved, bounced, copied].map((r) => r.receiptId)];
  const filter = `receipt:${ids.join(',')} kind:original`;
  const { plan, changed } = await resolve(filter, { outcome: 'resend' });
  expect(changed).toBe(0);
  expect(plan.skipped.map(({ reason }) => reason).sort()).toEqual([
    'a copy was sent since: --force sends it all the same',
    'it failed: use receipts replay',
    'it is on its way',
    'it was sent',
    'its address gets no mail: use donors fix-email',
    'its receipt is void',
    'there is evidence that it was sent',
  ]);
  expect((await resolve(filter, { outcome: 'resend', force: true })).changed).toBe(1);
  expect((await copied.load()).deliveries[0]).toMatchObject({ status: 'pending' });
  // That it was sent can be said of each that is held.
  expect((await resolve('')).changed).toBe(3);
});

it('is done once by several operators at the same time', async () => {
  for (let i = 0; i < 12; i++) await addReceipt(db, 'held');
  const results = await Promise.all([1, 2, 3, 4].map(() => resolve('', { outcome: 'resend' })));
  expect(results.reduce((sum, { changed }) => sum + changed, 0)).toBe(12);
  expect(await states()).toEqual([{ status: 'pending', count: 12 }]);
  const keys = (await jobs()).map(({ key }) => key);
  expect([keys.length, new Set(keys).size]).toEqual([12, 12]);
  const { rows } = await db.query(
    'select max(resends)::int as most from donations.receipt_deliveries',
  );
  expect(rows).toEqual([{ most: 1 }]);
});

it('warns of second receipts only when it sends', async () => {
  await addReceipt(db, 'held');
  const warned = async (outcome: ResolveOptions['outcome']) => {
    const change = resolveReceipts(parseReceiptFilter(''), options({ outcome }));
    return change.warnings(await change.plan(db, Number.MAX_SAFE_INTEGER));
  };
  expect(await warned('sent')).toEqual([]);
  expect(await warned('resend')).toEqual([
    '1 donor may have the receipt already, and get it twice',
  ]);
});

it('stops after a whole chunk, and does the rest when it is run again', async () => {
  for (let i = 0; i < 5; i++) await addReceipt(db, 'held');
  expect((await resolve('', {}, 2)).changed).toBe(2);
  expect(await states()).toEqual([
    { status: 'accepted', count: 2 },
    { status: 'held', count: 3 },
  ]);
  expect((await resolve('')).changed).toBe(3);
  expect(await states()).toEqual([{ status: 'accepted', count: 5 }]);
});
