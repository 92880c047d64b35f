import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { formatFailure } from '../../src/commands/report-error.ts';
import { faultRules } from '../../src/commands/sandbox/shared/fault-options.ts';
import { loadConfig } from '../../src/lib/config.ts';
import { environmentName, SETTINGS, shownSetting } from '../../src/lib/config-schema.ts';
import { urlProblem, withoutPassword } from '../../src/lib/db/describe.ts';
import { UserError } from '../../src/lib/errors.ts';
import { maskText } from '../../src/lib/mask.ts';
import { decimalAmount, formatMoney, parseAmount } from '../../src/lib/money.ts';
import { type Io, paint, print, say } from '../../src/lib/output/io.ts';
import { type Column, type Format, render, renderOne } from '../../src/lib/output/render.ts';
import {
  parseCount,
  parseDuration,
  parseDurationRange,
  parseRate,
  parseShare,
} from '../../src/lib/parse.ts';
import { parseJobFilter } from '../../src/lib/queue/read/vocabulary.ts';
import { loadTemplates } from '../../src/lib/receipts/templates.ts';
import { checkEmail, cleanName, optionalLine, safeLine } from '../../src/lib/text.ts';
import { announceSeed, budget, TEST_TIMEOUT_MS } from './budget.ts';
import { amountText, durationText, filterTerm, hostileText, OUR_COLOURS, RAW } from './hostile.ts';

announceSeed();

const root = mkdtempSync(join(tmpdir(), 'donations-fuzz-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The result of `work`, or undefined when it throws a proper UserError. */
function refused<T>(work: () => T, code: string): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.code).toBe(code);
    // The message for people must be short, and each of its lines safe.
    const told = formatFailure({ ...error, message: error.message }, false);
    expect(told.length).toBeLessThan(4000);
    expect(told).not.toMatch(RAW);
    return undefined;
  }
}

describe('texts from outside', () => {
  it(
    'are read or refused',
    () => {
      const readers: ((text: string) => unknown)[] = [
        parseDuration,
        parseDurationRange,
        parseShare,
        parseRate,
        (text) => parseCount(text),
        (text) => parseJobFilter(text),
        (text) => faultRules({ latency: text }),
        (text) => faultRules({ path: text, for: text }),
        (text) => optionalLine(text, { field: '--fund', max: 200 }),
      ];
      fc.assert(
        fc.property(
          fc.constantFrom(...readers),
          fc.oneof(hostileText, durationText, amountText),
          (read, text) => void refused(() => read(text), 'usage'),
        ),
        budget(),
      );
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'durations are within what Postgres can count with',
    () =>
      fc.assert(
        fc.property(durationText, (text) => {
          const ms = refused(() => parseDuration(text), 'usage');
          if (ms !== undefined) {
            expect(Number.isSafeInteger(ms)).toBe(true);
            expect(ms).toBeGreaterThan(0);
            expect(ms).toBeLessThan(3.2e12);
          }
        }),
        budget(0.5),
      ),
    TEST_TIMEOUT_MS,
  );

  it(
    'filters are read or refused',
    () =>
      fc.assert(
        fc.property(fc.array(filterTerm, { maxLength: 4 }), (terms) => {
          refused(() => parseJobFilter(terms.join(' ')), 'usage');
        }),
        budget(),
      ),
    TEST_TIMEOUT_MS,
  );

  it(
    'names and addresses that are taken are safe and as they will be kept',
    () =>
      fc.assert(
        fc.property(hostileText, (text) => {
          const name = refused(() => cleanName(text, { field: '--name', max: 200 }), 'usage');
          if (name !== undefined) {
            expect(safeLine(name)).toBe(name);
            expect(name.trim()).toBe(name);
            expect(name).not.toBe('');
            expect(cleanName(name, { field: '--name', max: 200 })).toBe(name);
          }
          const email = refused(() => checkEmail(text), 'usage');
          // The constraint of the database.
          if (email !== undefined) expect(email).toMatch(/^[^@\s]+@[^@\s]+$/);
        }),
        budget(),
      ),
    TEST_TIMEOUT_MS,
  );
});

it(
  'an amount that is taken is what was typed, whatever the locale',
  () =>
    fc.assert(
      fc.property(
        amountText,
        fc.constantFrom('usd', 'eur', 'jpy', 'bhd', 'isk'),
        fc.constantFrom('en-US', 'de-DE', 'fr-FR', 'de-CH', 'en-IN', 'ar-EG', 'sv-SE'),
        (text, currency, locale) => {
          const money = refused(() => parseAmount(text, currency, locale), 'usage');
          if (!money) return;
          expect(money.minor).toBeGreaterThan(0n);
          // Its plain form is parsed as the same amount.
          const again = parseAmount(decimalAmount(money), currency, 'en-US');
          expect(again).toEqual(money);
          // Its digits are those that were typed, except trailing zeros.
          const typed = text.normalize('NFKC').replace(/e3|\D/g, '');
          expect(money.minor.toString().replace(/0+$/, '')).toBe(
            typed.replace(/^0+/, '').replace(/0+$/, ''),
          );
          expect(formatMoney(money, locale)).toMatch(/\d|\p{Nd}/u);
        },
      ),
      budget(),
    ),
  TEST_TIMEOUT_MS,
);

describe('settings', () => {
  const value = fc.oneof(
    hostileText.filter((text) => text.length < 2000),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.array(
      hostileText.filter((text) => text.length < 200),
      { maxLength: 12 },
    ),
  );
  const toml = (inner: unknown): string =>
    Array.isArray(inner)
      ? `[${inner.map(toml).join(', ')}]`
      : typeof inner === 'string'
        ? `"${[...inner].map((char) => (/[\w ]/.test(char) ? char : `\\U${(char.codePointAt(0) as number).toString(16).padStart(8, '0')}`)).join('')}"`
        : String(inner)
            .replace('Infinity', 'inf')
            .replace('NaN', 'nan')
            .replace(/^(-?\d+)e/, '$1.0e');
  const dataDir = join(root, 'data');
  mkdirSync(dataDir);
  const file = join(root, 'settings.toml');

  const load = (text: string | Uint8Array, env: NodeJS.ProcessEnv) => {
    writeFileSync(file, text);
    refused(
      () =>
        loadConfig({
          env: { DONATIONS_DATA_DIR: dataDir, DONATIONS_CONFIG: file, ...env },
          cwd: root,
        }),
      'configuration',
    );
  };

  it(
    'of any file are taken or refused in one line',
    () =>
      fc.assert(
        fc.property(
          fc.oneof(
            fc
              .array(fc.tuple(fc.constantFrom(...SETTINGS, 'no.such', '"a.b"'), value), {
                maxLength: 5,
              })
              .map((pairs) => pairs.map(([name, inner]) => `${name} = ${toml(inner)}`).join('\n')),
            hostileText,
            fc.uint8Array({ maxLength: 60 }),
          ),
          (text) => load(text, {}),
        ),
        budget(),
      ),
    TEST_TIMEOUT_MS,
  );

  it(
    'of any environment are taken or refused in one line',
    () =>
      fc.assert(
        fc.property(fc.constantFrom(...SETTINGS), hostileText, (name, text) =>
          load('', { [environmentName(name)]: text }),
        ),
        budget(),
      ),
    TEST_TIMEOUT_MS,
  );

  it(
    'never show a password',
    () => {
      const password = fc
        .array(fc.constantFrom('#', '/', '?', '@', ':', '%', 'a', '1', '&', '=', ' '), {
          maxLength: 8,
        })
        .map((parts) => `${parts.join('')}SECRET${[...parts].reverse().join('')}`);
      fc.assert(
        fc.property(password, fc.boolean(), (secret, socket) => {
          for (const url of [
            `postgres://me:${secret}@${socket ? '/gifts?host=/run' : 'db.example:5432/gifts'}`,
            `https://me:${secret}@proxy.example/v3`,
          ]) {
            expect(withoutPassword(url)).not.toContain('SECRET');
            expect(String(shownSetting('stripe.apiBase', url))).not.toContain('SECRET');
            expect(urlProblem(url) ?? '').not.toContain('SECRET');
          }
        }),
        budget(0.5),
      );
    },
    TEST_TIMEOUT_MS,
  );
});

it(
  'templates are taken, or refused with file and line',
  async () => {
    const dir = join(root, 'templates');
    mkdirSync(dir, { recursive: true });
    const piece = fc.oneof(
      fc.constantFrom(
        '{{#if copy}}',
        '{{/if}}',
        '{{else}}',
        '{{#each donor.address}}',
        '{{/each}}',
        '{{this}}',
        '{{donor.name}}',
        '{{#with donor}}',
        '{{/with}}',
        '{{../number}}',
        '{{name}}',
        '{{@index}}',
        '{{{amount}}}',
        '{{!',
        '}}',
        '{{>x}}',
        '{{#unless fund}}',
        '{{/unless}}',
        '{{^}}',
        '\\{{',
        '{{#each @root.donor.address as |x i|}}',
        '{{x}}',
        '{{__proto__.x}}',
        '{{[a b]}}',
        '{{"x"}}',
      ),
      hostileText.filter((text) => text.length < 400),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        writeFileSync(join(dir, 'receipt.text.hbs'), pieces.join(''));
        const error = await loadTemplates(dir).then(
          () => undefined,
          (thrown) => thrown,
        );
        if (error === undefined) return;
        expect(error).toBeInstanceOf(UserError);
        expect(error.message).toMatch(/receipt\.text\.hbs(:\d+:| has )/);
        expect(error.message).not.toMatch(RAW);
      }),
      budget(),
    );
  },
  TEST_TIMEOUT_MS,
);

describe('what is written on a terminal', () => {
  function written(color: boolean, write: (io: Io) => void): string {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), {
      isTTY: true,
      columns: 70,
    });
    const both = stream as unknown as NodeJS.WriteStream;
    write({ stdin: process.stdin, stdout: both, stderr: both, env: {}, cwd: '/', color });
    return stream.read() ?? '';
  }
  const COLUMNS: Column<string[]>[] = [
    { name: 'a', header: 'A', value: (row) => row[0], tone: () => 'bad' },
    { name: 'b', header: 'B', value: (row) => row[1] },
    { name: 'c', header: 'C', value: (row) => ({ inner: row[2] }) },
  ];

  it(
    'has no control character but ours',
    () =>
      fc.assert(
        fc.property(
          fc.array(hostileText, { minLength: 3, maxLength: 3 }),
          fc.constantFrom<Format>('table', 'json', 'ndjson', 'csv'),
          fc.boolean(),
          (row, output, color) => {
            const text = written(color, (io) => {
              render(io, { output }, COLUMNS, [row]);
              renderOne(io, { output }, COLUMNS, row);
              say(io, row.join(' '));
              print(io, `${paint(io, 'dim', row[0] ?? '')} ${row[1]}`);
            });
            expect(text.replace(OUR_COLOURS, '')).not.toMatch(RAW);
            if (!color) expect(text).not.toContain('\u001b');
          },
        ),
        budget(),
      ),
    TEST_TIMEOUT_MS,
  );

  it(
    'is JSON that means what was given',
    () =>
      fc.assert(
        fc.property(fc.array(hostileText, { minLength: 3, maxLength: 3 }), (row) => {
          const json = written(false, (io) => render(io, { output: 'ndjson' }, COLUMNS, [row]));
          expect(JSON.parse(json)).toEqual({ a: row[0], b: row[1], c: { inner: row[2] } });
        }),
        budget(0.5),
      ),
    TEST_TIMEOUT_MS,
  );

  it(
    'is masked text of one short line',
    () =>
      fc.assert(
        fc.property(hostileText, (text) => {
          const masked = maskText(text);
          expect(masked.length).toBeLessThanOrEqual(500);
          expect(masked).not.toMatch(RAW);
        }),
        budget(0.5),
      ),
    TEST_TIMEOUT_MS,
  );
});
