import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordAudit } from '../../src/lib/audit/record.ts';
import { loadConfig } from '../../src/lib/config.ts';
import type { Queryable } from '../../src/lib/db/database.ts';
import { newId } from '../../src/lib/ids.ts';
import { ensureOrganization } from '../../src/lib/organizations/organization.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addDonation } from '../support/records.ts';

// What the database refuses by itself, from any program.
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  const { config } = loadConfig({ env: { HOME: '/nowhere' }, cwd: '/' });
  await ensureOrganization(database.db, config);
  await database.db.query(
    `insert into donations.receipt_counters select id, '2026', 0 from donations.organizations`,
  );
});
afterAll(() => database.drop());

async function addReceipt(tx: Queryable, donation: string, status = 'issued'): Promise<string> {
  const id = newId('receipt');
  await tx.query(
    `with counter as (
       update donations.receipt_counters set last_number = last_number + 1 returning last_number, organization_id
     ), receipt as (
       insert into donations.receipts (id, organization_id, organization_version, kind, series, number, status,
         void_reason, donor_id, amount_minor, deductible_minor, currency, issued_on, locale, template_version,
         content, content_hash)
       select $1, organization_id, 1, 'donation', '2026', last_number, $3, case when $3 = 'void' then 'test' end,
         d.donor_id, 5000, 5000, 'usd', '2026-11-23', 'en-US', '1', '{}', encode(sha256('{}'), 'hex')
       from counter, donations.donations d where d.id = $2 returning id, kind, status
     )
     insert into donations.receipt_donations (receipt_id, donation_id, kind, live)
     select id, $2, kind, status = 'issued' from receipt`,
    [id, donation, status],
  );
  return id;
}

async function addDelivery(
  tx: Queryable,
  receipt: string,
  { kind = 'original', status = 'pending' } = {},
): Promise<string> {
  const id = newId('delivery');
  await tx.query(
    `insert into donations.receipt_deliveries
       (id, receipt_id, kind, recipient, status, evidence, reason, accepted_at)
     values ($1, $2, $3, 'ada@example.org', $4, 'test', case when $4 <> 'accepted' then 'test' end, $5)`,
    [id, receipt, kind, status, status === 'accepted' ? new Date() : null],
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
      constraint: 'receipt_donations_one_live',
    });
    await database.db.query(
      `update donations.receipts set status = 'void', void_reason = 'test' where id = $1`,
      [first],
    );
    await addReceipt(database.db, donation);
  });

  it('go out as one original, and any number of copies', async () => {
    const donation = await addDonation(database.db);
    const receipt = await addReceipt(database.db, donation);
    await addDelivery(database.db, receipt);
    await expect(addDelivery(database.db, receipt)).rejects.toMatchObject({
      constraint: 'receipt_deliveries_one_original',
    });
    await addDelivery(database.db, receipt, { kind: 'copy' });
    await addDelivery(database.db, receipt, { kind: 'copy' });
  });
});

describe('what an issued receipt says', () => {
  it.each([
    `amount_minor = 4000, deductible_minor = 4000`,
    `content = '{"a": 1}', content_hash = encode(sha256('{"a": 1}'), 'hex')`,
    `issued_on = '2026-11-24'`,
    `number = 999`,
  ])('never changes: %s', async (set) => {
    const receipt = await addReceipt(database.db, await addDonation(database.db));
    await expect(
      database.db.query(`update donations.receipts set ${set} where id = $1`, [receipt]),
    ).rejects.toMatchObject({ constraint: 'receipt_immutable' });
  });

  it('is what its hash says', async () => {
    const receipt = await addReceipt(database.db, await addDonation(database.db));
    await expect(
      database.db.query(`update donations.receipts set content = '{"a": 1}' where id = $1`, [
        receipt,
      ]),
    ).rejects.toMatchObject({ code: '23514' });
  });

  it('is never deleted', async () => {
    await expect(database.db.query('delete from donations.receipts')).rejects.toMatchObject({
      code: '42501',
    });
  });
});

describe('references to rows that are never deleted', () => {
  const refused = { code: '23503' };
  const copyOf = (table: string, id: string, change: string) => `
    insert into donations.${table}
    select (jsonb_populate_record(null::donations.${table}, to_jsonb(t) || ${change})).*
    from donations.${table} t where id = '${id}'`;

  it('are checked: the currency and the batch of a donation', async () => {
    const { db } = database;
    const id = await addDonation(db);
    const another = newId('donation');
    for (const change of [`{"currency": "xxq"}`, `{"batch_id": "${newId('batch')}"}`]) {
      await expect(
        db.query(copyOf('donations', id, `'{"id": "${another}"}' || '${change}'::jsonb`)),
      ).rejects.toMatchObject({ ...refused, constraint: 'donation_references' });
    }
    await expect(
      db.query(`update donations.donations set currency = 'eur' where id = $1`, [id]),
    ).rejects.toMatchObject({ constraint: 'donation_references' });
  });

  it.each([
    ['organization_version', '2'],
    ['series', "'1999'"],
    ['currency', "'xxq'"],
  ])('are checked: the %s of a receipt', async (column, value) => {
    const { db } = database;
    const id = await addReceipt(db, await addDonation(db));
    const columns =
      'organization_id, organization_version, kind, series, donor_id, amount_minor, deductible_minor, currency, issued_on, locale, template_version, content, content_hash';
    await expect(
      db.query(
        `insert into donations.receipts (id, number, ${columns})
         select $2, 9000, ${columns.replace(column, value)} from donations.receipts where id = $1`,
        [id, newId('receipt')],
      ),
    ).rejects.toMatchObject({ ...refused, constraint: 'receipt_references' });
  });

  it('are checked: the batch of an import row', async () => {
    const id = await addDonation(database.db);
    await expect(
      database.db.query(
        `insert into donations.import_rows values (gen_random_uuid(), 1, $1, 1, 0, $2)`,
        [newId('batch'), id],
      ),
    ).rejects.toMatchObject({ ...refused, constraint: 'import_row_batch' });
  });

  it('are checked: the receipt of a gift and of a delivery', async () => {
    const { db } = database;
    const donation = await addDonation(db);
    const receipt = await addReceipt(db, donation);
    for (const [id, kind] of [
      [newId('receipt'), 'donation'],
      [receipt, 'refund'],
    ]) {
      await expect(
        db.query(
          'insert into donations.receipt_donations (receipt_id, donation_id, kind) values ($1, $2, $3)',
          [id, await addDonation(db), kind],
        ),
      ).rejects.toMatchObject({ ...refused, constraint: 'receipt_donations_receipt' });
    }
    await expect(addDelivery(db, newId('receipt'))).rejects.toMatchObject({
      ...refused,
      constraint: 'receipt_deliveries_receipt',
    });
    const delivery = await addDelivery(db, receipt);
    await expect(
      db.query('update donations.receipt_deliveries set receipt_id = $2 where id = $1', [
        delivery,
        await addReceipt(db, await addDonation(db)),
      ]),
    ).rejects.toMatchObject({ constraint: 'receipt_deliveries_receipt' });
    await expect(
      db.query(`update donations.receipt_donations set kind = 'refund' where receipt_id = $1`, [
        receipt,
      ]),
    ).rejects.toMatchObject({ constraint: 'receipt_donations_receipt' });
  });

  it.each(['currencies', 'batches', 'receipt_counters'])('%s are never deleted', async (table) => {
    await expect(database.db.query(`delete from donations.${table}`)).rejects.toMatchObject({
      code: '42501',
    });
  });
});

describe('charges', () => {
  it('keep the first payment that was stored', async () => {
    const donation = await addDonation(database.db, { status: 'processing' });
    await expect(
      database.db.query(
        `update donations.charges set payment_intent_id = 'pi_another' where donation_id = $1`,
        [donation],
      ),
    ).rejects.toMatchObject({ constraint: 'charge_one_payment' });
  });
});

describe('allocations', () => {
  it('add up to the gift', async () => {
    const donation = await addDonation(database.db, { amount: '5000' });
    await expect(
      database.db.query(
        `insert into donations.allocations (donation_id, fund, amount_minor) values ($1, 'Another', 1)`,
        [donation],
      ),
    ).rejects.toMatchObject({ constraint: 'allocations_add_up' });
  });

  it('can be moved to another fund within a transaction, and add up at its end', async () => {
    const { db } = database;
    const donation = await addDonation(db, { amount: '5000' });
    const move = (kept: number) =>
      db.transaction(async (tx) => {
        await tx.query(
          `update donations.allocations set amount_minor = ${kept} where donation_id = $1`,
          [donation],
        );
        await tx.query(
          `insert into donations.allocations (donation_id, fund, amount_minor)
           select id, 'Another', 2000 from donations.donations where id = $1 and ${kept} = 3000`,
          [donation],
        );
      });
    await expect(move(4000)).rejects.toMatchObject({ constraint: 'allocations_add_up' });
    await move(3000);
  });
});

describe('states', () => {
  const machines = {
    donation: {
      states: [
        'pending',
        'processing',
        'requires_action',
        'succeeded',
        'failed',
        'partly_refunded',
        'refunded',
        'disputed',
        'void',
      ],
      legal: [
        'succeeded → partly_refunded',
        'succeeded → refunded',
        'partly_refunded → refunded',
        'succeeded → disputed',
        'partly_refunded → disputed',
        'disputed → succeeded',
        'disputed → partly_refunded',
        'disputed → refunded',
        'succeeded → void',
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
        'pending → accepted',
        'pending → held',
        'sending → pending',
        'sending → accepted',
        'sending → held',
        'sending → failed',
        'held → accepted',
        'held → pending',
        'held → failed',
        'failed → pending',
        'failed → sending',
        'failed → accepted',
      ],
    },
  };
  type Machine = keyof typeof machines;

  async function make(machine: Machine, status: string): Promise<string> {
    const { db } = database;
    if (machine === 'donation') return addDonation(db, { status });
    const donation = await addDonation(db);
    if (machine === 'receipt') return addReceipt(db, donation, status);
    return addDelivery(db, await addReceipt(db, donation), { status });
  }

  // Includes the other columns that the new state requires, so that only the transition can be
  // refused.
  const STEP: Record<Machine, string> = {
    donation: `update donations.donations set status = $2,
      settled_at = case when $2 not in ('pending', 'processing', 'requires_action') then now() end where id = $1`,
    receipt: `update donations.receipts set status = $2,
      void_reason = case when $2 = 'void' then 'test' end where id = $1`,
    delivery: `update donations.receipt_deliveries set status = $2,
      accepted_at = case when $2 = 'accepted' then now() end,
      reason = case when $2 <> 'accepted' then 'test' end where id = $1`,
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
    await recordAudit(db, { actor: 'ada', host: 'here', action: 'jobs.pause' });
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
