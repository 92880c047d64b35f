import type { Gift } from '../../../lib/donations/input.ts';

const DONORS = [
  'Ada Lovelace',
  'Grace Hopper',
  'Katherine Johnson',
  'Alan Turing',
  'Hedy Lamarr',
  'Edsger Dijkstra',
  'Barbara Liskov',
  'Radia Perlman',
  'Donald Knuth',
  'Margaret Hamilton',
  "Sinéad O'Connor",
  'José García',
  'Søren Kierkegaard',
  '山田 花子',
  'Zoë Müller',
  'Amara Okafor',
];
const FUNDS = ['Clean Water', 'Scholarships', 'Emergency Relief', undefined];
const CAMPAIGNS = ['Spring Gala', 'Year End', undefined];
// Typical amounts in minor units.
const AMOUNTS: [currency: string, amounts: number[]][] = [
  ['usd', [1000, 2500, 5000, 10_000, 25_000]],
  ['usd', [1500, 5000, 5000, 7550]],
  ['eur', [1000, 2000, 5000]],
  ['gbp', [1500, 3000]],
  ['jpy', [1000, 5000, 10_000]],
  ['cad', [2500, 6000]],
  ['bhd', [5000, 12_500]],
];
const GOOD_CARDS = ['pm_card_visa', 'pm_card_mastercard', 'pm_card_amex'];
const BAD_CARDS = [
  'pm_card_chargeDeclined',
  'pm_card_chargeDeclinedInsufficientFunds',
  'pm_card_chargeDeclinedExpiredCard',
];
const DECLINE_SHARE = 0.08;

/** Invents a gift: some donors give repeatedly, and some cards are declined. */
export function inventGift(random: () => number): Gift {
  const pick = <T>(from: T[]): T => from[Math.floor(random() * from.length)] as T;
  const name = pick(DONORS);
  const [currency, amounts] = pick(AMOUNTS);
  const minor = BigInt(pick(amounts));
  const fund = pick(FUNDS);
  return {
    amount: { minor, currency },
    method: 'card',
    donor: {
      kind: 'person',
      name,
      email: `donor${DONORS.indexOf(name) + 1}@example.org`,
      addressLines: [],
    },
    paymentMethod: pick(random() < DECLINE_SHARE ? BAD_CARDS : GOOD_CARDS),
    fund,
    allocations: fund ? [{ fund, minor }] : [],
    campaign: pick(CAMPAIGNS),
    anonymous: false,
    goodsValueMinor: 0n,
  };
}
