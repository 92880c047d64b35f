import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/lib/config.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { ensureMode } from '../../src/lib/db/prepare.ts';
import {
  type DeclarationRequest,
  declareGiftAid,
  withdrawGiftAid,
} from '../../src/lib/donors/gift-aid.ts';
import { describeGiftAid } from '../../src/lib/donors/gift-aid-page.ts';
import {
  ensureOrganization,
  updateOrganization,
} from '../../src/lib/organizations/organization.ts';
import { loadGiftFacts } from '../../src/lib/receipts/facts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addDonation, addDonor } from '../support/records.ts';

const { config } = loadConfig({ env: { HOME: '/nowhere' }, cwd: '/' });
const inThe = (country: string) => ({
  ...config,
  organization: { ...config.organization, country, timeZone: 'Europe/London' },
});
const WHO = { actor: 'grace', host: 'here' };
const HOME = { address: ['1 High Street', 'Leeds'], postalCode: 'ls1 1aa' };

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  await ensureMode(db, 'sandbox');
  await ensureOrganization(db, inThe('GB'));
});
afterAll(() => database.drop());

// The gifts of addDonation are of 23 November 2026.
const request = (donorId: string, rest: Partial<DeclarationRequest> = {}): DeclarationRequest => ({
  ...WHO,
  donorId,
  how: 'online',
  madeOn: '2026-11-01',
  ...HOME,
  ...rest,
});
const declare = (donorId: string, rest?: Partial<DeclarationRequest>) =>
  declareGiftAid(db, request(donorId, rest));
const audit = async (donor: string) =>
  (await db.query('select action from donations.audit_log where subject = $1 order by id', [donor]))
    .rows;

describe('a declaration', () => {
  it('covers gifts until it is withdrawn, with name and address as declared', async () => {
    const donor = await addDonor(db);
    const gift = await addDonation(db, { donor, currency: 'gbp' });
    expect(await describeGiftAid(db, donor)).toMatchObject({
      declarations: [],
      gifts: [{ donation: gift, reliefMinor: 0n, why: 'no declaration covers it' }],
    });
    const { id } = await declare(donor, { madeOn: '2026-11-24', coversFrom: '2022-11-24' });
    await db.query(`update donations.donors set name = 'Ada King' where id = $1`, [donor]);
    expect(await describeGiftAid(db, donor)).toMatchObject({
      name: 'Ada King',
      declarations: [{ id, name: 'Ada Lovelace', address: HOME.address, postalCode: 'LS1 1AA' }],
      gifts: [{ donation: gift, reliefMinor: 1250n, why: null, declaration: id }],
      moreGifts: false,
    });
    expect(await withdrawGiftAid(db, { ...WHO, donorId: donor, on: '2026-11-24' })).toEqual({
      ids: [id],
      on: '2026-11-24',
    });
    expect((await describeGiftAid(db, donor)).gifts).toMatchObject([{ reliefMinor: 1250n }]);
    await expect(withdrawGiftAid(db, { ...WHO, donorId: donor })).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('in force'),
    });
    expect(await audit(donor)).toEqual([
      { action: 'donors.gift-aid-declare' },
      { action: 'donors.gift-aid-withdraw' },
    ]);
  });

  it('is recorded once, by several operators at the same time too', async () => {
    const donor = await addDonor(db);
    const all = await Promise.allSettled([1, 2, 3].map(() => declare(donor)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await describeGiftAid(db, donor)).declarations).toHaveLength(1);
    expect(await audit(donor)).toHaveLength(1);
  });

  it.each([
    [{ madeOn: '2999-01-01' }, /in the future/],
    [{ coversFrom: '2022-10-31' }, /covers gifts since 2022-11-01/],
    [{ coversTo: '2026-10-31' }, /ends on 2026-10-31, before/],
    [{ confirmedOn: '2026-11-02' }, /only an oral declaration/],
    [{ how: 'oral' }, /recorded or confirmed in writing/],
    [{ how: 'oral', confirmedOn: '2026-10-31' }, /cannot have been confirmed/],
    [{ address: undefined }, /home address/],
    [{ name: '   ' }, /name is empty/],
  ] as [Partial<DeclarationRequest>, RegExp][])('is refused: %j', async (rest, message) => {
    await expect(declare(await addDonor(db), rest)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(message),
    });
  });

  it('takes the home address on record, and oral ones that were recorded', async () => {
    const donor = await addDonor(db);
    await db.query(
      `update donations.donors set address_lines = '{2 Low Road}', city = 'York', postal_code = 'YO1 1AA' where id = $1`,
      [donor],
    );
    await declare(donor, {
      how: 'oral',
      record: 'call 4711',
      address: undefined,
      postalCode: undefined,
    });
    expect((await describeGiftAid(db, donor)).declarations).toMatchObject([
      { address: ['2 Low Road', 'York'], postalCode: 'YO1 1AA', record: 'call 4711' },
    ]);
  });

  it('is of an individual, to a charity in the United Kingdom', async () => {
    const donor = await addDonor(db);
    await db.query(`update donations.donors set kind = 'organization' where id = $1`, [donor]);
    await expect(declare(donor)).rejects.toMatchObject({ code: 'failed' });
    const other = await addDonor(db);
    await db.transaction((tx) => updateOrganization(tx, inThe('FR')));
    await expect(declare(other)).rejects.toMatchObject({
      message: expect.stringContaining('the organisation is in FR'),
    });
    await db.transaction((tx) => updateOrganization(tx, inThe('GB')));
  });

  it('never changes but by one withdrawal, and is kept', async () => {
    const { id } = await declare(await addDonor(db));
    const change = (set: string) =>
      db.query(`update donations.gift_aid_declarations set ${set} where id = $1`, [id]);
    await expect(change(`name = 'B'`)).rejects.toMatchObject({
      constraint: 'declaration_immutable',
    });
    await change(`withdrawn_on = '2026-11-20'`);
    await expect(change('withdrawn_on = null')).rejects.toMatchObject({
      constraint: 'declaration_immutable',
    });
    await expect(
      db.query('delete from donations.gift_aid_declarations where id = $1', [id]),
    ).rejects.toMatchObject({ code: '42501' });
  });
});

it('adds up what a donor got in the tax year, from 6 April to 5 April', async () => {
  const donor = await addDonor(db);
  const gift = await addDonation(db, { donor, currency: 'gbp' });
  const benefit = async (day: string, value: number, rest: object = {}) => {
    const id = await addDonation(db, { donor, currency: 'gbp', ...rest });
    await db.query(
      `update donations.donations set gift_on = $2, goods_description = 'Dinner', goods_value_minor = $3 where id = $1`,
      [id, day, value],
    );
  };
  await benefit('2026-04-05', 1);
  await benefit('2026-04-06', 10);
  await benefit('2027-04-05', 100);
  await benefit('2027-04-06', 1000);
  await benefit('2026-11-23', 2000, { currency: 'eur' });
  await benefit('2026-11-23', 3000, { status: 'failed' });
  expect((await loadGiftFacts(db, gift)).otherBenefitsMinor).toBe(110n);
});
