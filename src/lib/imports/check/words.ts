import { METHODS, type Method } from '../../donations/donation.ts';
import { headerKey } from '../map/fields.ts';

/** The methods of imported gifts; `card` itself is only for cards that we charge. */
export type ImportedMethod = Exclude<Method, 'card'>;
export const IMPORTED_METHODS = METHODS.filter(
  (method): method is ImportedMethod => method !== 'card',
);

const METHOD_WORDS: Record<ImportedMethod, string> = {
  check:
    'check|cheque|checks|paper check|personal check|business check|bank check|cashiers check|echeck|scheck',
  cash: 'cash|currency|coins|bar|bargeld',
  wire: 'wire|wire transfer|bank transfer|bank wire|swift|iban transfer|überweisung|ueberweisung|transfer',
  ach: 'ach|eft|direct debit|direct deposit|sepa|sepa direct debit|bacs|ach bank transfer|us bank account|bank account|lastschrift|giropay',
  daf: 'daf|donor advised fund|donor advised|daf grant|grant|fidelity|schwab|vanguard charitable',
  in_kind: 'in kind|inkind|gift in kind|goods|donated goods|gik',
  stock: 'stock|stocks|securities|stock gift|shares|security|stock property',
  money_order: 'money order|postal order',
  card_offline:
    'card offline|card|credit card|debit card|credit|visa|mastercard|amex|american express|stripe|stripe credit card|stripe checkout|authorize net|card terminal|terminal|apple pay|google pay',
  matching: 'matching|matching gift|match|employer match|corporate match',
  crypto: 'crypto|cryptocurrency|bitcoin|btc|ethereum|eth',
  other:
    'other|paypal|venmo|offline donation|offline|manual|manual donation|test donation|payroll|payroll deduction|ideal|sofort|zelle|gift card',
};

const METHODS_BY_WORD: ReadonlyMap<string, ImportedMethod> = new Map(
  IMPORTED_METHODS.flatMap((method) =>
    METHOD_WORDS[method].split('|').map((word) => [headerKey(word), method] as const),
  ),
);

export const readMethod = (text: string): ImportedMethod | undefined =>
  METHODS_BY_WORD.get(headerKey(text));

const YES = new Set(['yes', 'y', 'true', '1', 'x', 'on', 'ja']);
const NO = new Set(['no', 'n', 'false', '0', '', 'off', 'nein', 'none']);

/** Yes or no; undefined when it is neither. */
export function readYesNo(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (YES.has(word)) return true;
  return NO.has(word) ? false : undefined;
}

const COMPLETE = new Set(
  'complete completed paid succeeded success successful received publish published posted closedwon settled done approved captured cleared active renewal'.split(
    ' ',
  ),
);

/** True when a gift of this status was made: everything else is not (yet) money. */
export const isComplete = (status: string) => COMPLETE.has(headerKey(status));

const TRIBUTES: Record<string, 'honor' | 'memory'> = {
  honor: 'honor',
  honour: 'honor',
  inhonor: 'honor',
  inhonorof: 'honor',
  inhonour: 'honor',
  inhonourof: 'honor',
  tribute: 'honor',
  memory: 'memory',
  inmemory: 'memory',
  inmemoryof: 'memory',
  memorial: 'memory',
};

export const readTribute = (text: string) => TRIBUTES[headerKey(text)];

const ORGANIZATIONS = new Set(
  'organization organisation org company business corporate corporation account1 account foundation'.split(
    ' ',
  ),
);

/** Whether a donor's type says that it is an organisation. */
export const isOrganization = (text: string) => ORGANIZATIONS.has(headerKey(text));

const COUNTRY_NAMES: Record<string, string> = {
  usa: 'US',
  unitedstatesofamerica: 'US',
  uk: 'GB',
  greatbritain: 'GB',
  england: 'GB',
  scotland: 'GB',
  wales: 'GB',
  holland: 'NL',
  deutschland: 'DE',
  schweiz: 'CH',
  osterreich: 'AT',
  czechrepublic: 'CZ',
  southkorea: 'KR',
  russia: 'RU',
};

/** Reads ISO 3166 codes and English names of countries. */
export function createCountryReader(): (text: string) => string | undefined {
  const names = new Intl.DisplayNames('en', { type: 'region' });
  const known = new Map(Object.entries(COUNTRY_NAMES));
  for (let a = 65; a <= 90; a++) {
    for (let b = 65; b <= 90; b++) {
      const code = String.fromCharCode(a, b);
      const name = names.of(code);
      if (name && name !== code && !known.has(headerKey(name))) known.set(headerKey(name), code);
      if (name && name !== code && !known.has(code.toLowerCase()))
        known.set(code.toLowerCase(), code === 'UK' ? 'GB' : code);
    }
  }
  return (text) => known.get(headerKey(text));
}
