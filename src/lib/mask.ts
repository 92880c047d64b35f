import { bareLine } from './text.ts';

const KEY = /\b(?:(?:sk|rk|pk)_(?:test|live)_|whsec_)\w+|\bSG\.[\w.-]+|\bBearer\s+\S+/gi;
const EMAIL = /([^\s@<>"'(),:;])[^\s@<>"'(),:;]{0,63}@([^\s@<>"'(),:;]+)/gu;
// Groups of digits separated by one blank or dash.
const DIGIT_GROUPS = /\d+(?:[ -]\d+)*/g;

const MAX_LENGTH = 500;
// Masked texts are shortened anyway, so longer input is cut first.
const MAX_INPUT = 20_000;

/** True when the text contains a possible card number: 13 to 19 digits that pass the Luhn check. */
export function looksLikeCardNumber(text: string): boolean {
  // Full-width digits count as digits, and invisible characters do not separate groups.
  const digits = bareLine(text.normalize('NFKC'));
  return digits.replace(DIGIT_GROUPS, maskCards) !== digits;
}

/** The text without provider keys, e-mail addresses, card numbers and control characters. */
export function maskText(text: string): string {
  return bareLine(text.slice(0, MAX_INPUT))
    .replace(KEY, '****')
    .replace(EMAIL, '$1***@$2')
    .replace(DIGIT_GROUPS, maskCards)
    .trim()
    .slice(0, MAX_LENGTH);
}

/** A secret as it may be shown: its kind and its last characters. */
export function maskSecret(secret: string): string {
  const prefix = /^(?:(?:sk|rk)_(?:test|live)_|SG\.)/.exec(secret)?.[0] ?? '';
  return secret.length - prefix.length > 8 ? `${prefix}****${secret.slice(-4)}` : `${prefix}****`;
}

/** Masks sequences of whole groups: `4242 4242 4242 4242` in `12 4242 4242 4242 4242`. */
function maskCards(text: string): string {
  const groups = text.split(/(?<=[ -])/);
  let masked = '';
  for (let from = 0; from < groups.length; ) {
    const end = cardEnd(groups, from);
    masked += end ? `****${groups[end - 1]?.replace(/\d/g, '')}` : groups[from];
    from = end ?? from + 1;
  }
  return masked;
}

/** The end of a card number that begins with this group; undefined when there is none. */
function cardEnd(groups: string[], from: number): number | undefined {
  let digits = '';
  for (let end = from; end < groups.length && digits.length < 19; ) {
    digits += groups[end++]?.replace(/\D/g, '');
    if (passesLuhn(digits)) return end;
  }
  return undefined;
}

// Lengths in use according to ISO/IEC 7812-1, and the check digit of its annex B.
function passesLuhn(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19 || /^0+$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
