import fc from 'fast-check';

/** Characters that terminals, databases, spreadsheets or people misread. */
const SIGNS = [
  '\0',
  '\u0007',
  '\u001b',
  '\u001b[2J',
  '\u001b[31m',
  '\u001b]0;title\u0007',
  '\u009b31m',
  '\r',
  '\n',
  '\t',
  '\u0085',
  '\u2028',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u200d',
  '\u00ad',
  '\u3164',
  '\ufeff',
  '\ufdd0',
  '\ufdd3',
  '\ud83d',
  '\udc00',
  '\u{e0041}',
  '😀',
  '👩‍👩‍👧',
  '寄付',
  "'",
  '"',
  '\\',
  '`',
  '$(id)',
  '%',
  '_',
  '%s',
  '{{',
  '}}',
  '<script>',
  '=1+1',
  '@SUM(A1)',
  '--',
  ';',
  "'; drop table donations.donations; --",
  '../',
  '/etc/passwd',
  '__proto__',
  'constructor',
  'null',
  'NaN',
  'Infinity',
  '-1',
  '0',
  '1e999',
  '9'.repeat(30),
  '9'.repeat(400),
];

const hostileSign = fc.constantFrom(...SIGNS);

/** Any text: mostly short, sometimes very long. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .array(fc.oneof(hostileSign, fc.string({ maxLength: 6 })), { maxLength: 6 })
      .map((parts) => parts.join('')),
  },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 30 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.oneof(hostileSign, fc.string({ minLength: 1, maxLength: 2 })),
        fc.constantFrom(300, 5000, 70_000, 131_072),
      )
      .map(([piece, length]) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length)),
  },
);

const digits = fc.stringMatching(/^[0-9]{1,25}$/);

/** A duration, or almost one. */
export const durationText = fc
  .tuple(
    fc.oneof(digits, fc.double().map(String), hostileSign),
    fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w', 'y', ''),
  )
  .map(([count, unit]) => count + unit);

/** An amount as people of several countries type it, or almost one. */
export const amountText = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.stringMatching(/^[0-9]{1,4}$/) },
      { weight: 4, arbitrary: fc.constantFrom('.', ',', ' ', "'", '’', '\u00a0', '\u202f') },
      { weight: 1, arbitrary: fc.constantFrom('$', '€', 'USD', 'usd', '-', '+', '%', 'e3') },
      { weight: 1, arbitrary: hostileSign },
    ),
    { maxLength: 7 },
  )
  .map((parts) => parts.join(''));

/** Ids, prefixes of ids, numbers of receipts and jobs, and similar texts. */
export const idText = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('don_', 'rcp_', 'dlv_', 'aud_', 'wrk_', 'pi_', 'bat_', ''),
      fc.oneof(fc.stringMatching(/^[0-9a-z]{0,30}$/), hostileText),
    )
    .map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('2026', 'A-B', '%', ''), digits).map((parts) => parts.join('-')),
  digits,
  hostileText,
);

const TERMS =
  'state job task queue error fingerprint donation donor fund campaign batch age since attempts worker payload payload.a nosuch'.split(
    ' ',
  );

/** A term of the filter language, or almost one. */
export const filterTerm = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.constantFrom(...TERMS),
    fc.constantFrom(':', ':~', ':>', ':<', ':>=', ''),
    fc.oneof(
      fc.constantFrom('failed', 'held', 'ready,running', 'send_receipt', '5', '"a b"', '"'),
      durationText,
      idText,
      hostileText,
    ),
  )
  .map((parts) => parts.join(''));

/**
 * Characters that must never reach a terminal: controls (except line ends and tabs), marks that
 * change the direction of text or hide it, lone surrogates.
 */
export const RAW =
  /(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069\u200b\u2028\u2029\ufdd0-\ufdef]|\p{Cs}/u;

/** The colours that we write ourselves. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with one
export const OUR_COLOURS = /\u001b\[(?:1|2|22|31|32|33|39)m/g;
