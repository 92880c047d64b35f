import { usageError } from './errors.ts';
import { grouped } from './output/text.ts';

// Characters that control a terminal or are invisible: control characters (C0, C1), lone
// surrogates, line and paragraph separators, marks that change the direction of writing, and
// everything that Unicode lets a font omit (zero width, soft hyphen, tags).
// https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Noncharacter_Code_Point}\uFFF9-\uFFFB]/gu;
const PRINTABLE = /^[\x20-\x7e]*$/;
const BLANK = /^[\t\n\v\f\r\u0085\u2028\u2029]$/;
// Joiners, which several scripts need between letters, and emoji between their parts.
// https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-23/#G20365
const JOINER = /^[\u200c\u200d]$/;
const JOINS_BEFORE = /(?:[\p{L}\p{M}\p{Emoji_Modifier}\p{Extended_Pictographic}]|\ufe0f)$/u;
const JOINS_AFTER = /^[\p{L}\p{M}\p{Extended_Pictographic}]/u;
const PLAIN_LETTER = /^[\x20-\x7e]$/;
const EMOJI_BEFORE = /[\p{Emoji}\p{Extended_Pictographic}]$/u;

/**
 * Makes text safe for a terminal, on one line: breaks and tabs become blanks, other unsafe
 * characters are escaped (`\x1b`).
 */
export const safeLine = (text: string): string =>
  PRINTABLE.test(text) ? text : text.replace(UNSAFE, lineSign);

/** Makes text safe for a terminal, keeping line breaks and tabs. */
export const safeText = (text: string): string => replaceUnsafe(text, textSign);

/**
 * Replaces each character that is unsafe on a terminal.
 * @param sign returns the replacement, given the text before and after it.
 */
const replaceUnsafe = (text: string, sign: UnsafeSign): string =>
  PRINTABLE.test(text) ? text : text.replace(UNSAFE, sign);

export type UnsafeSign = (char: string, at: number, whole: string) => string;

const lineSign: UnsafeSign = (char, at, whole) => {
  if (!BLANK.test(char)) return keptOrEscaped(char, at, whole);
  // Several breaks become one blank.
  return at > 0 && BLANK.test(whole[at - 1] ?? '') ? '' : ' ';
};

const textSign: UnsafeSign = (char, at, whole) => {
  if (char === '\n' || char === '\t') return char;
  if (char === '\r' && whole[at + 1] === '\n') return '';
  return keptOrEscaped(char, at, whole);
};

function keptOrEscaped(char: string, at: number, whole: string): string {
  const before = lastCharacter(whole, at);
  if (char === '\ufe0f' || char === '\ufe0e') {
    if (EMOJI_BEFORE.test(before)) return char;
  } else if (JOINER.test(char) && JOINS_BEFORE.test(before) && !PLAIN_LETTER.test(before)) {
    if (JOINS_AFTER.test(whole.slice(at + 1, at + 3))) return char;
  }
  return escaped(char);
}

/** The whole character that ends before `at`. */
function lastCharacter(whole: string, at: number): string {
  const pair = whole.slice(Math.max(0, at - 2), at);
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair) ? pair : pair.slice(-1);
}

/** Escapes a character as in a string literal: `\x1b`, `\u202e`, `\u{e0041}`. */
function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

/**
 * The text on one line without unsafe characters: invisible ones are removed, control characters
 * become blanks.
 */
export const bareLine = (text: string): string =>
  replaceUnsafe(text, (char) => (IGNORABLE.test(char) ? '' : ' ')).replace(/ {2,}/g, ' ');

const IGNORABLE = /^\p{Default_Ignorable_Code_Point}$/u;

/**
 * JSON text with every unsafe character escaped by JSON's own rules, which does not change its
 * value.
 */
export const safeJson = (json: string): string =>
  replaceUnsafe(json, (char) =>
    char === '\n'
      ? char
      : Array.from(
          { length: char.length },
          (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`,
        ).join(''),
  );

/** Quotes a value in an error message: safe, on one line, and shortened. */
export function quoted(text: string, max = 60): string {
  const characters = [...text.slice(0, 2 * (max + 1))];
  const line = safeLine(characters.slice(0, max).join(''));
  return `"${line}${characters.length > max ? '…' : ''}"`;
}

/** Names a character that databases cannot store: NUL, or a lone surrogate. */
export function brokenCharacter(text: string): string | undefined {
  if (text.includes('\0')) return 'a NUL character';
  return /\p{Cs}/u.test(text) ? 'half of a surrogate pair, which is no character' : undefined;
}

/** Replaces the characters that databases cannot store by U+FFFD. */
export const storableText = (text: string): string => text.replace(/\p{Surrogate}|\0/gu, '\ufffd');

const INVISIBLE = /[\p{Z}\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** True when the text has visible characters, not only blanks and ignorable ones. */
export const isVisible = (text: string): boolean => text.replace(INVISIBLE, '') !== '';

export interface TextBounds {
  /** The name in error messages: `--name`. */
  field: string;
  /** In characters. */
  max: number;
}

/**
 * Cleans one line of text from outside: trims it, collapses blanks, and composes characters (NFC).
 * @throws UserError `usage` when it is too long, or has control or invisible characters.
 * @internal Exported for its tests.
 */
export function cleanLine(text: string, { field, max }: TextBounds): string {
  const broken = brokenCharacter(text);
  if (broken) throw usageError(`${field} has ${broken}`, 'Type it again without that character.');
  // Much longer text is refused before cleaning it.
  if (text.length > max * 10) throw tooLong(field, text.length, max);
  const line = text.normalize('NFC').replace(/\s+/gu, ' ').trim();
  if (safeLine(line) !== line) {
    throw usageError(
      `${field} has an invisible character, or one that controls a terminal: ${quoted(line)}`,
      'Type it again without that character.',
    );
  }
  const length = [...line].length;
  if (length > max) throw tooLong(field, length, max);
  return line;
}

/**
 * Cleans a name that must be present and visible, such as a donor's.
 * @throws UserError `usage`.
 */
export function cleanName(text: string, bounds: TextBounds): string {
  const name = cleanLine(text, bounds);
  if (isVisible(name)) return name;
  throw usageError(
    `${bounds.field} ${name === '' ? 'is empty' : 'has no visible characters'}`,
    'Type the name as it should be printed on the receipt.',
  );
}

/**
 * Cleans a text that may be absent; a blank text is absent too.
 * @throws UserError `usage`.
 * @internal Exported for its tests.
 */
export function optionalLine(text: string | undefined, bounds: TextBounds): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : cleanName(text, bounds);
}

const tooLong = (field: string, length: number, max: number) =>
  usageError(
    `${field} is ${grouped(length)} characters long`,
    `At most ${grouped(max)} are allowed.`,
  );

/**
 * The limits of a donation's texts. Stripe's metadata allows 500 characters, a receipt's line much
 * fewer.
 */
export const TEXT_LIMITS = {
  /** https://docs.stripe.com/api/customers/create#create_customer-name */
  name: 200,
  fund: 200,
  campaign: 200,
  reason: 1000,
} as const;

// RFC 5321, section 4.5.3.1: 64 before the @, 254 in all (without angle brackets).
const EMAIL_MAX = 254;
const LOCAL_MAX = 64;
const EMAIL = /^[^\s@<>"(),;:\\[\]]+@[^\s@.<>"(),;:\\[\]]+(\.[^\s@.<>"(),;:\\[\]]+)+$/u;

/**
 * Checks an e-mail address and trims it.
 * @throws UserError `usage`.
 */
export function checkEmail(text: string, field = 'the e-mail address'): string {
  const email = text.trim();
  const [local = '', domain = ''] = email.split('@');
  const fits = email.length <= EMAIL_MAX && local.length <= LOCAL_MAX;
  const dotted = local.startsWith('.') || local.endsWith('.') || local.includes('..');
  const shown = brokenCharacter(email) === undefined && safeLine(email) === email;
  if (fits && !dotted && shown && EMAIL.test(email) && isDomain(domain)) return email;
  throw usageError(
    `${field} ${quoted(text)} is not an e-mail address`,
    'Write it like ada@example.org.',
  );
}

/**
 * Labels of up to 63 characters that neither begin nor end with a hyphen; letters of any script.
 */
const isDomain = (domain: string): boolean =>
  domain.split('.').every((label) => /^(?!-)[\p{L}\p{M}\p{N}-]{1,63}(?<!-)$/u.test(label));
