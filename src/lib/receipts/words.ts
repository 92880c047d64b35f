import { ToWords } from 'to-words';
import { currencyExponent, type Money } from '../money.ts';

/**
 * Writes amounts in English words of their own currency, as on a check: `fifty US dollars and
 * 25/100`, `one thousand Japanese yen`. The formatters are made once.
 */
export function createAmountWriter(): (money: Money) => string {
  const words = new ToWords({ localeCode: 'en-US' });
  const names = new Map<string, [one: string, many: string]>();

  const nameOf = (currency: string): [string, string] => {
    let name = names.get(currency);
    if (!name) {
      const format = new Intl.NumberFormat('en', {
        style: 'currency',
        currency,
        currencyDisplay: 'name',
        maximumFractionDigits: 0,
      });
      const of = (count: number) =>
        format.formatToParts(count).find((part) => part.type === 'currency')?.value ?? currency;
      name = [of(1), of(2)];
      names.set(currency, name);
    }
    return name;
  };

  return ({ minor, currency }) => {
    const exponent = currencyExponent(currency);
    const unit = 10n ** BigInt(exponent);
    const whole = minor / unit;
    const part = minor % unit;
    const [one, many] = nameOf(currency.toUpperCase());
    const text = `${words.convert(whole).toLowerCase()} ${whole === 1n ? one : many}`;
    return part === 0n ? text : `${text} and ${part.toString().padStart(exponent, '0')}/${unit}`;
  };
}
