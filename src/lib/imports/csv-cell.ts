// A spreadsheet would run a cell that begins like a formula: https://owasp.org/www-community/attacks/CSV_Injection
// A reader of ours takes the quote away again.
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?[\d.,' ]+$/;

/** A cell of a CSV file that nothing runs. */
export function csvCell(value: string | number, delimiter: string): string {
  const text = String(value);
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return safe.includes('"') || safe.includes(delimiter) || /[\r\n]|^\s|\s$/.test(safe)
    ? `"${safe.replaceAll('"', '""')}"`
    : safe;
}

/** A cell as it was before `csvCell` made it safe. */
export const withoutGuard = (text: string) =>
  text.charCodeAt(0) === 39 && FORMULA.test(text.slice(1)) && !NUMBER.test(text.slice(1))
    ? text.slice(1)
    : text;
