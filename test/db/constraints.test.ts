import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordAudit } from '../../src/lib/audit/record.ts';
import type { Queryable } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addDonation } from '../support/records.ts';

// What the database refuses by itself, whichever program writes.
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.query(`insert into donations.receipt_counters values ('2026', 0)`);
});
afterAll(() => database.drop());

async function addReceipt(tx: Queryable, donation: string, status = 'issued'): Promise<string> {
  const id = newId('receipt');
  await tx.query(
    `with counter as (
       update donations.receipt_counters set last_number = last_number + 1 returning last_number)
     insert into donations.receipts (id, donation_id, series, number, status, amount_minor,
       deductible_minor, currency, received_on, issued_on, locale, template_version, content, content_hash)
     select $1, $2, '2026', last_number, $3, 5000, 5000, 'usd', '2026-11-23', '2026-11-23', 'en-US',
       '1', '{}', repeat('0', 64) from counter`,
    [id, donation, status],
  );
  return id;
}

async function addDelivery(
  tx: Queryable,
  receipt: string,
  donation: string,
  { kind = 'original', status = 'pending' } = {},
): Promise<string> {
  const id = newId('delivery');
  await tx.query(
    `insert into donations.receipt_deliveries
       (id, receipt_id, donation_id, kind, recipient, status, evidence, reason, accepted_at)
     values ($1, $2, $3, $4, 'ada@example.org', $5, 'test', 'test', $6)`,
    [id, receipt, donation, kind, status, status === 'accepted' ? new Date() : null],
  );
  return id;
}

describe('donations', () => {
  it.each(['0', '-1', '-5000'])('are never of %s', async (amount) => {
    await expect(addDonation(database.db, { amount })).rejects.toMatchObject({
      code: '23514',
      constraint: 'donations_amount_minor_check',
    });
  });

  it.each(['xyz', 'USD', ''])('are never in the currency "%s"', async (currency) => {
    await expect(addDonation(database.db, { currency })).rejects.toMatchObject({ code: '23503' });
  });

  it('are of a donor that there is', async () => {
    await expect(addDonation(database.db, { donor: newId('donor') })).rejects.toMatchObject({
      code: '23503',
    });
  });
});

describe('receipts', () => {
  it('are one a donation, until it is void', async () => {
    const donation = await addDonation(database.db);
    const first = await addReceipt(database.db, donation);
    await expect(addReceipt(database.db, donation)).rejects.toMatchObject({
      constraint: 'receipts_one_live_per_donation',
    });
    await database.db.query(`update donations.receipts set status = 'void' where id = $1`, [first]);
    await addReceipt(database.db, donation);
  });

  it('go out as one original, and any number of copies', async () => {
    const donation = await addDonation(database.db);
    const receipt = await addReceipt(database.db, donation);
    await addDelivery(database.db, receipt, donation);
    await expect(addDelivery(database.db, receipt, donation)).rejects.toMatchObject({
      constraint: 'receipt_deliveries_one_original',
    });
    await addDelivery(database.db, receipt, donation, { kind: 'copy' });
    await addDelivery(database.db, receipt, donation, { kind: 'copy' });
  });
});

describe('states', () => {
  const machines = {
    donation: {
      states: ['pending', 'processing', 'requires_action', 'succeeded', 'failed'],
      legal: [
        'pending → processing',
        'pending → failed',
        'processing → requires_action',
        'processing → succeeded',
        'processing → failed',
        'requires_action → processing',
        'requires_action → succeeded',
        'requires_action → failed',
      ],
    },
    receipt: { states: ['issued', 'void'], legal: ['issued → void'] },
    delivery: {
      states: ['pending', 'sending', 'accepted', 'held', 'failed'],
      legal: [
        'pending → sending',
        'pending → failed',
        'sending → pending',
        'sending → accepted',
        'sending → held',
        'sending → failed',
        'held → accepted',
        'held → pending',
        'held → failed',
        'failed → pending',
        'failed → sending',
      ],
    },
  };
  type Machine = keyof typeof machines;

  async function make(machine: Machine, status: string): Promise<string> {
    const { db } = database;
    if (machine === 'donation') return addDonation(db, { status });
    const donation = await addDonation(db);
    if (machine === 'receipt') return addReceipt(db, donation, status);
    return addDelivery(db, await addReceipt(db, donation), donation, { status });
  }

  // With what the new state requires besides, so that only the step itself can be refused.
  const STEP: Record<Machine, string> = {
    donation: `update donations.donations set status = $2,
      settled_at = case when $2 in ('succeeded', 'failed') then now() end where id = $1`,
    receipt: 'update donations.receipts set status = $2 where id = $1',
    delivery: `update donations.receipt_deliveries set status = $2,
      accepted_at = case when $2 = 'accepted' then now() end where id = $1`,
  };

  const steps = Object.entries(machines).flatMap(([machine, { states, legal }]) =>
    states.flatMap((from) =>
      states
        .filter((to) => to !== from)
        .map((to): [Machine, string, string, string] => {
          const allowed = legal.includes(`${from} → ${to}`);
          return [machine as Machine, from, to, allowed ? 'allowed' : 'refused'];
        }),
    ),
  );

  it.each(steps)('%s: %s → %s is %s', async (machine, from, to, verdict) => {
    const id = await make(machine, from);
    const step = database.db.query(STEP[machine], [id, to]);
    if (verdict === 'allowed') expect((await step).rowCount).toBe(1);
    else {
      await expect(step).rejects.toMatchObject({
        code: '23514',
        constraint: `${machine}_transition`,
        message: `${machine} ${id} cannot go from ${from} to ${to}`,
      });
    }
  });
});

describe('the audit log', () => {
  it.each([
    `update donations.audit_log set actor = 'nobody'`,
    'delete from donations.audit_log',
    'truncate donations.audit_log',
  ])('refuses: %s', async (sql) => {
    const { db } = database;
    await recordAudit(db, { actor: 'ada', host: 'here', action: 'test.run' });
    const before = await db.query('select * from donations.audit_log order by id');
    await expect(db.query(sql)).rejects.toMatchObject({
      code: '42501',
      message: 'donations.audit_log is append-only',
    });
    expect(await db.query('select * from donations.audit_log order by id')).toMatchObject({
      rows: before.rows,
    });
  });
});
