import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currencies } from '../../src/lib/money.ts';
import { describeGift } from '../../src/lib/receipts/describe.ts';
import type { GiftFacts } from '../../src/lib/receipts/facts.ts';
import type { GiftReceiptKind } from '../../src/lib/receipts/kinds/choose.ts';
import { renderReceipt } from '../../src/lib/receipts/message.ts';
import { loadTemplates } from '../../src/lib/receipts/templates.ts';
import { declaration, giftFacts } from '../support/gift-facts.ts';

const templates = await loadTemplates(undefined);

function render(kind: GiftReceiptKind, gift: GiftFacts, replaces: string | null = null) {
  const content = { ...describeGift(kind, gift, replaces), number: '2026-000042' };
  return renderReceipt(content, templates, { copy: false });
}

const calendar = { goodsDescription: 'A calendar', goodsValueMinor: 800n };
const dinner = { goodsDescription: 'Dinner for two', goodsValueMinor: 8000n };

// To look at after a change, and to keep: `npx vitest run test/unit/receipt-golden.test.ts -u`.
describe('each form, whole', () => {
  it.each([
    ['united-states', 'donation', giftFacts({ fund: 'Clean Water', campaign: 'Spring Gala' })],
    ['united-states-dinner', 'donation', giftFacts(dinner)],
    [
      'united-states-in-kind',
      'donation',
      giftFacts({ method: 'in_kind', inKindDescription: '40 wool blankets' }),
    ],
    ['canada', 'donation', giftFacts(dinner, 'CA')],
    [
      'united-kingdom',
      'donation',
      giftFacts({ ...calendar, locale: 'en-GB', declarations: [declaration()] }, 'GB'),
    ],
    ['united-kingdom-no-claim', 'donation', giftFacts({ locale: 'en-GB' }, 'GB')],
    ['plain', 'donation', giftFacts({ currency: 'eur', locale: 'de-DE' }, 'DE')],
    ['refund', 'refund', giftFacts({ refundedMinor: 10_000n, status: 'partly_refunded' })],
  ] as [string, GiftReceiptKind, GiftFacts][])('%s', async (name, kind, gift) => {
    const replaces = name === 'canada' ? '2026-000041' : null;
    const { subject, text, html } = render(kind, gift, replaces);
    await expect(`Subject: ${subject}\n\n${text}`).toMatchFileSnapshot(`golden/${name}.txt`);
    await expect(html).toMatchFileSnapshot(`golden/${name}.html`);
  });
});

describe('whatever a donor is called and gives', () => {
  const piece = fc.constantFrom(
    '<script>alert(1)</script>',
    '"\'&<>`=',
    '{{organization.tax_id}}',
    '{{{this}}}',
    '&#039;',
    '\r\nBcc: all@example.org',
    '\u202Eevil',
    'محمد',
    '李小龍',
    '🎁',
    'x'.repeat(10_000),
  );
  const name = fc
    .array(fc.oneof(piece, fc.string({ unit: 'grapheme', maxLength: 40 })), { minLength: 1 })
    .map((parts) => `A${parts.join(' ')}`);
  const gift = fc
    .record({
      name,
      currency: fc.constantFrom(...currencies()),
      amountMinor: fc.bigInt(1n, 10n ** 15n),
      share: fc.bigInt(0n, 100n),
      goods: fc.option(name, { nil: null }),
      country: fc.constantFrom('US', 'CA', 'GB', 'DE', 'JP'),
      locale: fc.constantFrom('en-US', 'de-DE', 'ar', 'ja-JP', 'fr-CA'),
    })
    .map(({ country, amountMinor, share, goods, name: called, ...rest }) =>
      giftFacts(
        {
          ...rest,
          amountMinor,
          goodsDescription: goods,
          goodsValueMinor: goods === null ? 0n : (amountMinor * share) / 100n,
          declarations: [declaration()],
          donor: { ...giftFacts().donor, name: called, address: [called] },
        },
        country,
      ),
    );

  it('is text: no tag, no header, no template code, nothing from elsewhere', () => {
    fc.assert(
      fc.property(gift, (facts) => {
        const { subject, text, html } = render('donation', facts);
        expect(subject).not.toMatch(/[\r\n]/);
        expect(html).not.toMatch(/<script|\bsrc\s*=|url\(|@import|<link|<img|https?:/i);
        // Every tag is one of the template's own.
        const own = render('donation', giftFacts({ ...facts, donor: giftFacts().donor }));
        const tags = (page: string) => (page.match(/<\/?[a-z]+/gi) ?? []).sort().join();
        const lines = facts.donor.address.length - giftFacts().donor.address.length;
        expect(lines).toBe(-1);
        expect(tags(html)).toBe(tags(own.html.replace('<br>', '')));
        expect(text).toContain(facts.donor.name.replace(/\s+/g, ' ').trim());
        expect(html).not.toContain('undefined');
      }),
      { numRuns: 60 },
    );
  });

  it('adds up: what may be deducted is no more than what was given, and never below zero', () => {
    fc.assert(
      fc.property(gift, fc.bigInt(0n, 100n), (facts, share) => {
        const refundedMinor = (facts.amountMinor * share) / 101n;
        const content = describeGift('donation', { ...facts, refundedMinor }, null);
        const [amount, deductible] = [BigInt(content.amountMinor), BigInt(content.deductibleMinor)];
        expect(amount).toBe(facts.amountMinor - refundedMinor);
        expect(deductible >= 0n && deductible <= amount).toBe(true);
      }),
    );
  });
});
