import { describe, expect, it } from 'vitest';
import { checkFile, FIXTURES, giftOf } from './support.ts';

const fixture = (name: string, options = {}) => checkFile(`${FIXTURES}${name}.csv`, options);

describe('the usual export formats', () => {
  it('CiviCRM: contributions with contacts; what is pending is skipped', async () => {
    const { rows, mapping } = await fixture('civicrm');
    expect(mapping.origin).toBe('CiviCRM contributions');
    expect(rows.map(({ row }) => row.kind)).toEqual(['gifts', 'gifts', 'skipped']);
    const [ada, engines] = rows.slice(0, 2).map(giftOf);
    expect(ada).toMatchObject({
      amountMinor: 125_000n,
      currency: 'usd',
      method: 'check',
      checkNumber: '00123',
      giftOn: '2026-11-02',
      campaign: 'Autumn',
      source: 'civicrm',
      sourceId: '9001',
      donor: {
        kind: 'person',
        name: 'Ada Lovelace',
        postcode: '07105',
        country: 'US',
        sourceId: '101',
      },
    });
    expect(engines).toMatchObject({
      method: 'ach',
      note: 'For the "new" school',
      donor: { kind: 'organization', name: 'Engines Ltd', postcode: 'N1 7AA', country: 'GB' },
    });
  });

  it('NPSP: splits add up, the account gives when it says so', async () => {
    const { rows } = await fixture('npsp');
    const [ada, engines] = rows.map(giftOf);
    expect(ada).toMatchObject({
      checkNumber: '0042',
      funds: [
        { fund: 'General', minor: 6000n },
        { fund: 'Water', minor: 4000n },
      ],
      donor: { kind: 'person', name: 'Ada Lovelace' },
    });
    expect(engines).toMatchObject({
      method: 'wire',
      amountMinor: 500_000n,
      donor: { kind: 'organization', name: 'Engines Ltd' },
    });
  });

  it('GiveWP: test rows and abandoned ones are skipped', async () => {
    const { rows } = await fixture('givewp');
    expect(rows.map(({ row }) => row.kind)).toEqual(['gifts', 'skipped', 'skipped', 'gifts']);
    expect(giftOf(rows[0] as never)).toMatchObject({
      method: 'card_offline',
      giftOn: '2026-11-03',
      campaign: 'Save the Wells',
      sourceId: '501',
    });
  });

  it('Donorbox: the amount before fees; days in the organisation’s time zone', async () => {
    const { rows, mapping } = await fixture('donorbox');
    expect(mapping.origin).toBe('Donorbox donations');
    const [ada, bo] = rows.map(giftOf);
    expect(ada).toMatchObject({ amountMinor: 5000n, giftOn: '2026-11-03', sourceId: 'DB-1' });
    expect(bo).toMatchObject({ anonymous: true, giftOn: '2026-11-03', donor: { name: 'Bo Shy' } });
  });

  it('Wikimedia’s checks: the postmark decides the day', async () => {
    const { rows, mapping } = await fixture('wikimedia');
    expect(mapping.dates).toBe('mdy');
    const [charles, bakery] = rows.map(giftOf);
    expect(charles).toMatchObject({
      giftOn: '2025-12-30',
      postmarkedOn: '2025-12-30',
      receivedOn: '2026-01-05',
      checkNumber: '0007',
      amountMinor: 100_000n,
      appeal: '2025 Letter',
      donor: { name: 'Charles Babbage Jr.', postcode: '02108' },
    });
    expect(bakery).toMatchObject({ giftOn: '2026-01-06', donor: { kind: 'organization' } });
  });

  it('Fidelity: the sponsor gives, the adviser is thanked; title and total lines are no rows', async () => {
    const { rows, leftOut } = await fixture('fidelity');
    expect(rows).toHaveLength(2);
    expect(giftOf(rows[0] as never)).toMatchObject({
      method: 'daf',
      amountMinor: 250_000n,
      giftOn: '2026-11-04',
      sourceId: '7701001',
      donor: { kind: 'organization', name: 'Fidelity Charitable' },
      softCredit: { name: 'Ada Lovelace' },
    });
    expect(giftOf(rows[1] as never).softCredit).toBeUndefined();
    expect(leftOut.map(({ line }) => line)).toEqual([1, 6]);
  });

  it('Benevity: one row may be two gifts, each with its own id', async () => {
    const { rows } = await fixture('benevity');
    expect(rows).toHaveLength(3);
    const gifts = rows.map(({ row }) => (row.kind === 'gifts' ? row.gifts : []));
    expect(gifts.map((each) => each.length)).toEqual([2, 1, 1]);
    expect(gifts[0]?.[1]).toMatchObject({
      part: 'match',
      method: 'matching',
      amountMinor: 10_000n,
      donor: { kind: 'organization', name: 'Engines Ltd' },
      softCredit: { name: 'Ada Lovelace' },
    });
    expect(gifts[1]?.[0]).toMatchObject({ anonymous: true, donor: { name: 'Anonymous' } });
    expect(gifts[2]?.[0]).toMatchObject({ part: 'match', amountMinor: 4000n });
  });

  it('Stripe: the day is the organisation’s, yen have no decimals, refunds are skipped', async () => {
    const { rows } = await fixture('stripe');
    expect(rows.map(({ row }) => row.kind)).toEqual(['gifts', 'gifts', 'skipped', 'skipped']);
    const [ada, kei] = rows.slice(0, 2).map(giftOf);
    expect(ada).toMatchObject({
      giftOn: '2026-11-02',
      amountMinor: 5000n,
      sourceId: 'pi_imported1',
    });
    expect(kei).toMatchObject({ amountMinor: 1500n, currency: 'jpy' });
  });

  it('Houdini: no currency, no method: told before anything happens', async () => {
    const { rows, mapping } = await fixture('houdini', { dates: 'mdy' });
    expect(mapping.notices.join()).toMatch(/every gift is USD.*every method is "other"/);
    expect(giftOf(rows[1] as never)).toMatchObject({
      donor: { kind: 'organization', name: 'Engines Ltd' },
      softCredit: { name: 'Charles Babbage' },
    });
  });

  it('wires above what a card can be charged', async () => {
    const { rows } = await fixture('wires');
    expect(giftOf(rows[0] as never)).toMatchObject({
      method: 'wire',
      amountMinor: 25_000_000n,
      giftOn: '2026-11-19',
      depositedOn: '2026-11-20',
    });
  });

  it('German: semicolons, Windows-1252, decimal commas, a total line', async () => {
    const { rows, leftOut, table } = await fixture('german', { locale: 'de-DE' });
    expect(table.encoding).toBe('windows-1252');
    expect(giftOf(rows[0] as never)).toMatchObject({
      amountMinor: 123_099n,
      currency: 'eur',
      method: 'wire',
      giftOn: '2026-10-26',
      donor: { name: 'Jürgen Müller', street: 'Hauptstraße 5', postcode: '01069', country: 'DE' },
    });
    expect(leftOut).toEqual([{ line: 4, why: 'a total line' }]);
    // 4 January or 1 April: not guessed.
    expect(rows[1]?.row).toMatchObject({
      kind: 'rejected',
      reasons: [expect.stringContaining('may be')],
    });
  });
});
