import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { fitColumns } from '../../src/lib/output/columns.ts';
import { type Io, paint, print, printData, say } from '../../src/lib/output/io.ts';
import { toJson } from '../../src/lib/output/render.ts';
import { lookOf, statusText } from '../../src/lib/output/status.ts';
import { plural } from '../../src/lib/output/text.ts';
import { cutText, fitText, textWidth } from '../../src/lib/output/width.ts';
import {
  brokenCharacter,
  checkEmail,
  cleanLine,
  cleanName,
  optionalLine,
  quoted,
  safeLine,
  safeText,
} from '../../src/lib/text.ts';

const FAMILY = '👩‍👩‍👧';

describe('text made safe for a terminal', () => {
  it.each([
    ['plain text', 'plain text'],
    ['Łódź 寄付 Ünïcode', 'Łódź 寄付 Ünïcode'],
    ['\u001b[2Jgone', '\\x1b[2Jgone'],
    ['bell\u0007', 'bell\\x07'],
    ['c1 \u009b31m', 'c1 \\x9b31m'],
    ['nul\0', 'nul\\x00'],
    ['one\r\ntwo\tthree\u2028four', 'one two three four'],
    ['over\u202eride', 'over\\u202eride'],
    ['iso\u2066late', 'iso\\u2066late'],
    ['left\u200eright', 'left\\u200eright'],
    ['zero\u200bwidth', 'zero\\u200bwidth'],
    ['pay\u200dpal', 'pay\\u200dpal'],
    ['soft\u00adhyphen', 'soft\\xadhyphen'],
    ['\ufeffmark', '\\ufeffmark'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['half \ud83d', 'half \\ud83d'],
    ['own \ufdd0 sign', 'own \\ufdd0 sign'],
    [`family ${FAMILY}`, `family ${FAMILY}`],
    ['heart ❤️', 'heart ❤️'],
    ['می‌خواهم', 'می‌خواهم'],
  ])('%j is one line: %j', (text, safe) => {
    expect(safeLine(text)).toBe(safe);
    // Safe text stays as it is.
    expect(safeLine(safe)).toBe(safe);
  });

  it('keeps lines and tabs of a text of several lines', () => {
    expect(safeText('a\r\nb\tc\n\rd\u001b')).toBe('a\nb\tc\n\\x0dd\\x1b');
  });

  it('shortens long quotations', () => {
    expect(quoted('x'.repeat(200_000))).toBe(`"${'x'.repeat(60)}…"`);
    expect(quoted('a\nb\u0007')).toBe('"a b\\x07"');
  });
});

/** The output of `write` on stdout and stderr. */
function written(write: (io: Io) => void, { tty = true, color = false } = {}) {
  const capture = () =>
    Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: tty, columns: 80 });
  const [stdout, stderr] = [capture(), capture()];
  write({
    stdin: process.stdin,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    env: {},
    cwd: '/',
    color,
  });
  return { stdout: stdout.read() ?? '', stderr: stderr.read() ?? '' };
}

describe('what is written', () => {
  const hostile = 'a\u001b[31mred\u001b[39m\u202e\n';

  it('has only our own escape sequences', () => {
    const { stdout, stderr } = written(
      (io) => {
        print(io, `${paint(io, 'bad', hostile)}|`);
        say(io, `${paint(io, 'good', 'ok')} ${hostile}`);
      },
      { color: true },
    );
    const text = 'a\\x1b[31mred\\x1b[39m\\u202e\n';
    expect(stdout).toBe(`\u001b[31m${text}\u001b[39m|\n`);
    expect(stderr).toBe(`\u001b[32mok\u001b[39m ${text}\n`);
  });

  it('has no colour where none is wanted, and none in a file', () => {
    expect(written((io) => say(io, paint({ ...io, color: true }, 'bad', 'x'))).stderr).toBe('x\n');
    const piped = written((io) => say(io, paint(io, 'bad', 'x')), { tty: false, color: true });
    expect(piped.stderr).toBe('x\n');
  });

  it('is data as it is, except on a terminal', () => {
    expect(written((io) => printData(io, hostile), { tty: false }).stdout).toBe(`${hostile}\n`);
    expect(written((io) => printData(io, hostile)).stdout).not.toContain('\u001b');
  });

  it('is JSON that means the same and is safe anywhere', () => {
    const value = { 'k\u202e': `\u009b${hostile}\u2028\u{e0041}\ud83d${FAMILY}` };
    const json = toJson(value);
    expect(JSON.parse(json)).toEqual(value);
    expect(safeText(json)).toBe(json);
    expect(JSON.parse(toJson(value, true))).toEqual(value);
  });
});

describe('columns', () => {
  it.each([
    ['short', 8, 'short   '],
    ['a long text', 6, 'a lon…'],
    ['寄付ありがとう', 7, '寄付あ…'],
    [FAMILY, 2, FAMILY],
    ['é̂x', 2, 'é̂x'],
    ['x', 0, ''],
    ['xy', 1, '…'],
  ])('%s in %i', (text, width, fitted) => {
    expect(fitText(text, width)).toBe(fitted);
    expect(textWidth(fitText(text, width))).toBe(width);
  });

  it('aligns numbers to the right', () =>
    expect(fitText('42', 5, { align: 'right' })).toBe('   42'));

  it('are as wide as their texts, or as there is room for', () => {
    const column = (header: string, text: string, minor = false) => ({
      header,
      texts: [text],
      minor,
    });
    const widths = (total: number) =>
      fitColumns(
        [column('ID', 'x'.repeat(20)), column('NAME', 'y'.repeat(50)), column('N', 'z', true)],
        total,
      ).map(({ column: { header }, width }) => [header, width]);
    expect(widths(100)).toEqual([
      ['ID', 20],
      ['NAME', 50],
      ['N', 1],
    ]);
    expect(widths(45)).toEqual([
      ['ID', 20],
      ['NAME', 20],
      ['N', 1],
    ]);
    expect(widths(18)).toEqual([
      ['ID', 8],
      ['NAME', 8],
    ]);
  });

  it('are whole where they must be, and lose the last minor column first', () => {
    const widths = (total: number) =>
      fitColumns(
        [
          { header: 'TASK', texts: ['settle_donation'], whole: true },
          { header: 'A', texts: ['a'.repeat(12)], minor: true },
          { header: 'B', texts: ['b'.repeat(12)], minor: true },
          { header: 'ERROR', texts: ['e'.repeat(90)] },
        ],
        total,
      ).map(({ column: { header }, width }) => [header, width]);
    expect(widths(57)).toEqual([
      ['TASK', 15],
      ['A', 12],
      ['B', 12],
      ['ERROR', 12],
    ]);
    expect(widths(56)).toEqual([
      ['TASK', 15],
      ['A', 12],
      ['ERROR', 25],
    ]);
    // Where nothing is left to be omitted, the others become narrower.
    expect(widths(25)).toEqual([
      ['TASK', 15],
      ['ERROR', 8],
    ]);
  });

  it('are fitted at once, however long a cell is', () => {
    const texts = ['x'.repeat(2_000_000), 'y'.repeat(3_000_000)];
    const fitted = fitColumns(
      texts.map((text) => ({ header: 'H', texts: [text] })),
      80,
    );
    expect(fitted.map(({ width }) => width)).toEqual([39, 39]);
    expect(cutText(texts[0] as string, 39)).toHaveLength(39);
  });
});

it('counts things', () => {
  expect(plural(1, 'job')).toBe('1 job');
  expect(plural(0, 'job')).toBe('0 jobs');
  expect(plural(1250n, 'entry', 'entries')).toBe('1,250 entries');
});

it('shows a status by glyph and word; an unknown one as it is', () => {
  expect(statusText('failed')).toBe('✕ failed');
  expect(lookOf('constructor')).toEqual({ glyph: '·', tone: 'dim', word: 'constructor' });
});

describe('texts from outside', () => {
  const bounds = { field: '--name', max: 20 };

  it.each([
    ['  Ada   Lovelace ', 'Ada Lovelace'],
    ['Ada\nLovelace', 'Ada Lovelace'],
    ['Zoe\u0308', 'Zoë'],
    ['寄付', '寄付'],
    [`F ${FAMILY}`, `F ${FAMILY}`],
  ])('%j is %j', (text, name) => expect(cleanName(text, bounds)).toBe(name));

  it.each([
    ['', /is empty/],
    [' \t\n', /is empty/],
    ['\u3164', /invisible character/],
    ['\u200b\u200d', /invisible character/],
    ['\u2800', /no visible characters/],
    ['A\0', /NUL/],
    ['A\ud800', /surrogate/],
    ['A\u001b[31m', /controls a terminal: "A\\x1b\[31m"/],
    ['A\u202eB', /controls a terminal/],
    ['x'.repeat(21), /21 characters/],
    ['x'.repeat(131_072), /131,072 characters/],
  ])('%j is refused', (text, why) => expect(() => cleanName(text, bounds)).toThrow(why));

  it('counts characters, not bytes or halves', () => {
    expect(cleanLine('😀'.repeat(20), bounds)).toHaveLength(40);
    expect(() => cleanLine('😀'.repeat(21), bounds)).toThrow(/21 characters/);
  });

  it('treats an optional blank text as absent', () => {
    expect(optionalLine(undefined, bounds)).toBeUndefined();
    expect(optionalLine('  ', bounds)).toBeUndefined();
    expect(optionalLine(' gala ', bounds)).toBe('gala');
  });

  it.each([
    'ada@example.org',
    ' ada+x@sub.example.co.uk ',
    "o'neil@example.org",
    'ü@bücher.example',
  ])('%j is an e-mail address', (text) => expect(checkEmail(text)).toBe(text.trim()));

  it.each([
    '',
    'ada',
    'ada@example',
    'a@b@c.org',
    'a..b@example.org',
    '.a@example.org',
    'a@-x.org',
    'a@x..org',
    'a b@example.org',
    'a@exam\u200bple.org',
    'a\u202e@example.org',
    'a\0@example.org',
    '<a@example.org>',
    `${'x'.repeat(65)}@example.org`,
    `a@${'x'.repeat(64)}.org`,
    `a@${'x.'.repeat(140)}org`,
  ])('%j is none', (text) => expect(() => checkEmail(text)).toThrow(/is not an e-mail address/));

  it('finds characters that databases cannot store', () => {
    expect(brokenCharacter('a\0')).toMatch(/NUL/);
    expect(brokenCharacter('\udc00')).toMatch(/surrogate/);
    expect(brokenCharacter('😀')).toBeUndefined();
  });
});
