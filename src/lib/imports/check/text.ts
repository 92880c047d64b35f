import { withoutGuard } from '../csv-cell.ts';
import type { Cell } from '../read/cells.ts';

// Characters that hide or reorder others; exports contain them by accident.
const UNSEEN = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
// Control characters other than white space, and halves of characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this finds
const CONTROL = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Cs}/u;
// What a spreadsheet shows instead of a value.
const BROKEN = /^#(REF!|N\/A|VALUE!|NAME\?|DIV\/0!|NUM!|NULL!|#+)$/;
// `="07065"`: how some exports keep zeros from a spreadsheet.
const WRAPPED = /^="([^"]*)"$/;
const SCIENTIFIC = /^\d(?:[.,]\d+)?E[+-]?\d{1,3}$/i;

// Most cells are this: words of printable ASCII with single spaces between, and no sign before them
// that a spreadsheet knows. Nothing is to be found in them or taken from them.
const PLAIN = /^(?!['=#+@-])[!-~]+(?: [!-~]+)*$/;

/** True for a text that the other functions here would not change. */
export const isPlain = (cell: Cell | undefined): cell is string =>
  typeof cell === 'string' && PLAIN.test(cell);

/** Why a cell cannot be a text; undefined when it can. */
export function problemOf(text: string, most: number): string | undefined {
  if (text.length > most) return `is longer than ${most} characters`;
  if (CONTROL.test(text)) return 'has control characters';
  if (BROKEN.test(text)) return `is ${text}, the error of a spreadsheet`;
  return undefined;
}

/** A cell as text, without surrounding space and invisible characters. */
export function cellText(cell: Cell | undefined): string {
  if (cell === undefined || cell === '') return '';
  if (typeof cell === 'number') return String(cell);
  const wrapped = cell.charCodeAt(0) === 61 ? WRAPPED.exec(cell.trim()) : null;
  const text = wrapped ? (wrapped[1] as string) : withoutGuard(cell);
  return (UNSEEN.test(text) ? text.replace(UNSEEN, '') : text).trim();
}

/** One line: line breaks and runs of space become one space. */
export const oneLine = (text: string) =>
  /\s\s|[\t\r\n\u00a0\u2028\u2029]/.test(text) ? text.replace(/\s+/g, ' ') : text;

/** True for a number that a spreadsheet has shortened, so that its digits are lost. */
export const isShortened = (cell: Cell | undefined, text: string) =>
  typeof cell === 'number' ? !Number.isInteger(cell) || cell >= 1e15 : SCIENTIFIC.test(text);
