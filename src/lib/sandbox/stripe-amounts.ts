import { currencies, currencyExponent } from '../money.ts';
import { invalidParameter } from './stripe-errors.ts';
import { integer, requiredText, type StripeParams } from './stripe-params.ts';

/** In minor units: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
const MINIMUM: Record<string, number> = {
  usd: 50,
  aed: 200,
  aud: 50,
  bgn: 100,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17500,
  inr: 50,
  jpy: 50,
  mxn: 1000,
  myr: 200,
  nok: 300,
  nzd: 50,
  pln: 200,
  ron: 200,
  sek: 300,
  sgd: 50,
  thb: 1000,
};
const MAXIMUM = 99_999_999;
const CURRENCIES = new Set(currencies());

/** Reads the amount to charge. @throws StripeFailure for an amount that Stripe does not charge */
export function readAmount(params: StripeParams): { amount: number; currency: string } {
  requiredText(params, 'amount');
  const amount = integer(params, 'amount') as number;
  const currency = requiredText(params, 'currency').toLowerCase();
  if (!CURRENCIES.has(currency)) {
    throw invalidParameter(`Invalid currency: ${currency}.`, 'currency');
  }
  if (amount < 1) {
    throw invalidParameter(
      'This value must be greater than or equal to 1.',
      'amount',
      'parameter_invalid_integer',
    );
  }
  const minimum = MINIMUM[currency] ?? 1;
  if (amount < minimum) {
    const decimal = (minimum / 10 ** currencyExponent(currency)).toFixed(
      currencyExponent(currency),
    );
    throw invalidParameter(
      `Amount must be at least ${decimal} ${currency}`,
      'amount',
      'amount_too_small',
    );
  }
  if (amount > MAXIMUM) {
    throw invalidParameter(`Amount must be no more than ${MAXIMUM}`, 'amount', 'amount_too_large');
  }
  // https://docs.stripe.com/currencies#three-decimal: the last digit must be zero.
  if (currencyExponent(currency) === 3 && amount % 10 !== 0) {
    throw invalidParameter(`Amounts in ${currency} must be divisible by 10`, 'amount');
  }
  return { amount, currency };
}
