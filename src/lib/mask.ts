const KEY = /\b(?:(?:sk|rk|pk)_(?:test|live)_|whsec_)\w+|\bSG\.[\w.-]+|\bBearer\s+\S+/g;
const EMAIL = /([^\s@<>"'(),:;])[^\s@<>"'(),:;]*@([^\s@<>"'(),:;]+)/g;
const DIGITS = /\d(?:[ -]?\d){12,18}/g;

/** True when the text holds what may be a card number: 13 to 19 digits that pass the Luhn check. */
export function looksLikeCardNumber(text: string): boolean {
  return (text.match(DIGITS) ?? []).some(passesLuhn);
}

/** The text without what must not be kept: provider keys, e-mail addresses, card numbers, control characters. */
export function maskText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this removes
      .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
      .replace(KEY, '****')
      .replace(EMAIL, '$1***@$2')
      .replace(DIGITS, (digits) => (passesLuhn(digits) ? '****' : digits))
      .slice(0, 500)
      .trim()
  );
}

/** A secret as it may be shown: what kind it is and how it ends. */
export function maskSecret(secret: string): string {
  const prefix = /^(?:(?:sk|rk)_(?:test|live)_|SG\.)/.exec(secret)?.[0] ?? '';
  return secret.length - prefix.length > 8 ? `${prefix}****${secret.slice(-4)}` : `${prefix}****`;
}

// ISO/IEC 7812-1, annex B.
function passesLuhn(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && /[1-9]/.test(digits);
}
