import { describe, expect, it } from 'vitest';
import { covers, type Declaration } from '../../src/lib/donors/declaration.ts';
import type { GiftFacts } from '../../src/lib/receipts/facts.ts';
import { eligibleMinor, isGift } from '../../src/lib/receipts/kinds/canada/split-receipting.ts';
import { composeReceipt } from '../../src/lib/receipts/kinds/choose.ts';
import {
  benefitLimitMinor,
  judgeGiftAid,
} from '../../src/lib/receipts/kinds/united-kingdom/gift-aid.ts';
import { declaration, giftFacts } from '../support/gift-facts.ts';

const NONE = 'No goods or services were provided in exchange for this contribution.';

const gift = giftFacts;
const dinner = (amount: bigint, value: bigint, rest: Partial<GiftFacts> = {}) => ({
  amountMinor: amount,
  goodsDescription: 'Dinner',
  goodsValueMinor: value,
  ...rest,
});

describe('United States', () => {
  const LIMITED = /deductible for federal income tax purposes is limited to the excess/;

  // What is given and got, what may be deducted, whether the disclosure is there.
  it.each([
    ['nothing in return', {}, 25_000n, false],
    ['a token of no value', { goodsDescription: 'A mug with our name' }, 25_000n, false],
    ['$75.00 for $10.00: not above the threshold', dinner(7500n, 1000n), 6500n, false],
    ['$75.01 for $10.00', dinner(7501n, 1000n), 6501n, true],
    [
      '$100 for $40: the gift part is below, the payment above',
      dinner(10_000n, 4000n),
      6000n,
      true,
    ],
    [
      '€50 for €10: nothing to compare with',
      dinner(5000n, 1000n, { currency: 'eur' }),
      4000n,
      true,
    ],
    ['as much as was given', dinner(10_000n, 10_000n), 0n, true],
    ['half of it was refunded', dinner(10_000n, 4000n, { refundedMinor: 8000n }), 0n, true],
  ] as [string, Partial<GiftFacts>, bigint, boolean][])(
    '%s',
    (_name, rest, deductible, disclosed) => {
      const { statements, deductibleMinor, form } = composeReceipt('donation', gift(rest));
      expect(form).toBe('united-states');
      expect(deductibleMinor).toBe(deductible);
      expect(statements.some((line) => LIMITED.test(line))).toBe(disclosed);
      // Exactly one: nothing was given in return, or what it was.
      const inReturn = statements.filter((line) => /in exchange for this contribution/i.test(line));
      expect(inReturn).toHaveLength(1);
      expect(inReturn[0] === NONE).toBe(rest.goodsDescription === undefined);
    },
  );

  it('describes property and states no value of it', () => {
    const wording = composeReceipt(
      'donation',
      gift(dinner(50_000n, 4000n, { method: 'in_kind', inKindDescription: '40 wool blankets' })),
    );
    expect(wording.property).toBe('40 wool blankets');
    expect(JSON.stringify(wording.statements)).toContain('$40.00');
    expect(JSON.stringify([wording.statements, wording.details])).not.toMatch(/500|460/);
  });

  it('names securities when nobody has described them', () => {
    expect(composeReceipt('donation', gift({ method: 'stock' })).property).toBe('securities');
  });
});

describe('Canada', () => {
  const form = (rest: Partial<GiftFacts>) => composeReceipt('donation', gift(rest, 'CA')).form;

  it('is an official receipt with every field of its own', () => {
    const wording = composeReceipt('donation', gift(dinner(10_000n, 5000n), 'CA'));
    expect(wording).toMatchObject({
      form: 'canada',
      title: 'Official receipt for income tax purposes',
      deductibleMinor: 5000n,
    });
    expect(wording.details.map(({ label }) => label)).toEqual([
      'Registration number',
      'Place of issue',
      'Advantage',
      'Value of advantage',
      'Eligible amount',
      'Authorized signature',
    ]);
    expect(wording.statements).toEqual(['Canada Revenue Agency: canada.ca/charities-giving']);
  });

  it.each([
    ['an address is missing', { donor: { ...gift().donor, address: [] } }],
    ['nobody signs', { organization: { ...gift({}, 'CA').organization, signatory: null } }],
    ['no place of issue', { organization: { ...gift({}, 'CA').organization, placeIssued: null } }],
    ['property has no appraised value', { method: 'in_kind' }],
    ['another currency', { currency: 'usd' }],
    ['no intention to give', dinner(10_000n, 8100n)],
  ] as [string, Partial<GiftFacts>][])('is not official, and says so: %s', (_name, rest) => {
    expect(form(rest)).toBe('plain');
    expect(composeReceipt('donation', gift(rest, 'CA')).statements).toEqual([
      'This is not an official receipt for income tax purposes.',
    ]);
  });

  // The examples of the Canada Revenue Agency.
  it.each([
    [10_000n, 5000n, true],
    [10_000n, 8000n, true],
    [10_000n, 8001n, false],
    [20_000n, 17_500n, false],
  ])('a gift of %s with an advantage of %s', (amount, value, expected) => {
    expect(isGift(gift(dinner(amount, value), 'CA'))).toBe(expected);
  });
  it.each([
    [10_000n, 1000n, 10_000n],
    [10_000n, 1001n, 8999n],
    [100_000n, 7500n, 100_000n],
    [100_000n, 7501n, 92_499n],
    [10_000n, 0n, 10_000n],
  ])('eligible of %s with an advantage of %s', (amount, value, eligible) => {
    expect(eligibleMinor(gift(dinner(amount, value), 'CA'))).toBe(eligible);
  });
});

describe('United Kingdom', () => {
  const uk = (rest: Partial<GiftFacts> = {}) =>
    gift({ locale: 'en-GB', declarations: [declaration()], ...rest }, 'GB');
  const donor = (rest: Partial<GiftFacts['donor']>) => ({ donor: { ...gift().donor, ...rest } });
  const what = (rest: Partial<GiftFacts>) => {
    const judged = judgeGiftAid(uk(rest));
    return 'why' in judged ? judged.why : judged.reliefMinor;
  };

  // 25p for every £1, in whole pence.
  it.each([
    ['£250', {}, 6250n],
    ['£10.01', { amountMinor: 1001n }, 250n],
    ['3p', { amountMinor: 3n }, 0n],
    ['half of it was refunded', { refundedMinor: 12_500n }, 3125n],
    ['a card', { method: 'card' }, 6250n],
    ['a refund of all', { refundedMinor: 25_000n }, 'it was given back'],
    ['property', { method: 'in_kind' }, 'it is not a gift of money'],
    ['shares', { method: 'stock' }, 'it is not a gift of money'],
    ['crypto', { method: 'crypto' }, 'it is not a gift of money'],
    ['a donor-advised fund', { method: 'daf' }, 'it comes from a donor-advised fund'],
    ['an employer', { method: 'matching' }, 'it comes from an employer'],
    ['a company', donor({ kind: 'organization' }), 'the donor is not an individual'],
    ['euros', { currency: 'eur' }, 'it is not in pounds'],
    ['long ago', { giftOn: '2019-04-05' }, 'it was given before 6 April 2019'],
    ['no declaration', { declarations: [] }, 'no declaration covers it'],
    ['a benefit at the limit', dinner(25_000n, 3250n), 6250n],
    [
      'a benefit above the limit',
      dinner(25_000n, 3251n),
      'what was given in return is worth more than the limit',
    ],
    [
      'benefits of the year at the limit',
      { ...dinner(25_000n, 100n), otherBenefitsMinor: 249_900n },
      6250n,
    ],
    [
      'benefits of the year above the limit',
      { ...dinner(25_000n, 100n), otherBenefitsMinor: 249_901n },
      'what was given in return in the tax year is worth more than £2,500',
    ],
    ['no benefit, in a year of many', { otherBenefitsMinor: 300_000n }, 6250n],
  ] as [string, Partial<GiftFacts>, bigint | string][])('%s', (_name, rest, expected) => {
    expect(what(rest)).toBe(expected);
  });

  // 25 % of the first £100, 5 % of the rest, at most £2,500.
  it.each([
    [100n, 25n],
    [10_000n, 2500n],
    [10_001n, 2500n],
    [20_000n, 3000n],
    [4_960_000n, 250_000n],
    [9_999_999n, 250_000n],
  ])('benefits for %s pence may be worth %s', (donation, limit) => {
    expect(benefitLimitMinor(donation)).toBe(limit);
  });

  const oral = { how: 'oral', confirmedOn: '2026-05-03' } as const;
  it.each([
    ['the first day', {}, '2026-05-01', true],
    ['the day before', {}, '2026-04-30', false],
    ['backdated', { coversFrom: '2022-05-01' }, '2022-05-01', true],
    ['the last day', { coversTo: '2026-06-01' }, '2026-06-01', true],
    ['after the last day', { coversTo: '2026-06-01' }, '2026-06-02', false],
    ['before a withdrawal', { withdrawnOn: '2026-06-01' }, '2026-05-31', true],
    ['on the day of a withdrawal', { withdrawnOn: '2026-06-01' }, '2026-06-01', false],
    ['oral, kept', oral, '2026-05-02', true],
    ['oral, cancelled within 30 days', { ...oral, withdrawnOn: '2026-06-02' }, '2026-05-02', false],
    ['oral, withdrawn later', { ...oral, withdrawnOn: '2026-06-03' }, '2026-05-02', true],
    [
      'oral and recorded, withdrawn soon',
      { how: 'oral', withdrawnOn: '2026-05-20' },
      '2026-05-02',
      true,
    ],
  ] as [string, Partial<Declaration>, string, boolean][])(
    'a declaration covers a gift: %s',
    (_name, rest, day, expected) => {
      expect(covers(declaration(rest), day)).toBe(expected);
    },
  );

  it('states the declaration and the amounts', () => {
    const wording = composeReceipt('donation', uk());
    expect(wording).toMatchObject({ form: 'united-kingdom', deductibleMinor: 25_000n });
    expect(wording.details).toEqual([
      { label: 'Gift Aid donation', value: '£250.00 GBP' },
      { label: 'Basic rate tax we can claim', value: '£62.50 GBP' },
      { label: 'Worth with Gift Aid', value: '£312.50 GBP' },
    ]);
    expect(wording.statements[1]).toMatch(/you declared online on 1 May 2026 .* 25p .* every £1/);
    expect(wording.statements[2]).toMatch(/Income Tax and\/or Capital Gains Tax/);
  });

  it('says why there is no claim', () => {
    const wording = composeReceipt('donation', uk({ declarations: [] }));
    expect(wording.details).toEqual([]);
    expect(wording.statements).toEqual([
      NONE,
      'We do not claim Gift Aid on this gift: no declaration covers it.',
    ]);
  });
});

describe('elsewhere', () => {
  it('is a plain receipt', () => {
    expect(composeReceipt('donation', gift({}, 'FR'))).toMatchObject({
      form: 'plain',
      statements: [NONE],
      deductibleMinor: 25_000n,
    });
    expect(composeReceipt('donation', gift(dinner(10_000n, 4000n), 'FR')).details).toEqual([
      { label: 'Received in return', value: 'Dinner' },
      { label: 'Value of that', value: '$40.00 USD' },
    ]);
  });
});

describe('a refund', () => {
  it.each([
    [25_000n, /whole gift was returned/],
    [10_000n, /What remains of it is \$150\.00 USD/],
  ])('of %s', (refundedMinor, says) => {
    const wording = composeReceipt('refund', gift({ refundedMinor }));
    expect(wording).toMatchObject({ form: 'refund', deductibleMinor: 0n });
    expect(wording.statements[0]).toMatch(says);
    expect(wording.details).toEqual([{ label: 'Gift', value: '$250.00 USD' }]);
  });
});
