import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/lib/errors.ts';
import type { Io } from '../../src/lib/output/io.ts';
import {
  type Column,
  type OutputOptions,
  render,
  renderOne,
  toJson,
} from '../../src/lib/output/render.ts';
import { textWidth } from '../../src/lib/output/width.ts';

interface Row {
  id: string;
  amount: bigint;
  at: Date;
  note: string | null;
}

const NOW = new Date('2026-11-23T12:00:00Z');
const AT = new Date('2026-11-23T11:57:00Z');

const COLUMNS: Column<Row>[] = [
  { name: 'id', header: 'ID', value: (row) => row.id },
  { name: 'amount_minor', header: 'AMOUNT', value: (row) => row.amount, align: 'right' },
  { name: 'at', header: 'AT', value: (row) => row.at },
  { name: 'note', header: 'NOTE', value: (row) => row.note, tone: () => 'bad' },
  { name: 'detail', header: 'DETAIL', value: () => 'more', wide: true },
];

const row = (note: string | null = null): Row => ({ id: 'don_1', amount: 5000n, at: AT, note });

/**
 * The output of `write` on stdout and stderr, on a terminal of `columns` columns or without one.
 */
function written(write: (io: Io) => void, terminal?: { columns: number; color?: boolean }) {
  const capture = () => {
    const stream = new PassThrough({ encoding: 'utf8' });
    return Object.assign(stream, { isTTY: terminal !== undefined, columns: terminal?.columns });
  };
  const [stdout, stderr] = [capture(), capture()];
  write({
    stdin: process.stdin,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    env: {},
    cwd: '/',
    color: terminal?.color ?? false,
  });
  return { stdout: stdout.read() ?? '', stderr: stderr.read() ?? '' };
}

const rendered = (
  rows: Row[],
  options: OutputOptions = {},
  terminal?: { columns: number; color?: boolean },
) => written((io) => render(io, options, COLUMNS, rows, { now: NOW, empty: 'None.' }), terminal);

describe('a table off a terminal', () => {
  it('is one row a line, whole, with moments as RFC 3339', () => {
    const note = 'a note that is much longer than any terminal is wide '.repeat(10).trim();
    expect(rendered([row(note)]).stdout).toBe(
      `ID\tAMOUNT\tAT\tNOTE\tDETAIL\ndon_1\t5000\t2026-11-23T11:57:00.000Z\t${note}\tmore\n`,
    );
  });

  it('keeps a value on its line and in its column', () => {
    expect(
      rendered([row('one\ttwo\nthree')])
        .stdout.trim()
        .split('\n'),
    ).toHaveLength(2);
    expect(rendered([row('one\ttwo\nthree')]).stdout).toContain('\tone two three\t');
  });

  it('says on stderr that there is nothing', () => {
    expect(rendered([])).toEqual({ stdout: '', stderr: 'None.\n' });
  });
});

describe('a table on a terminal', () => {
  it('fits its width, with relative times and without wide columns', () => {
    const { stdout } = rendered([row('long '.repeat(40))], {}, { columns: 60 });
    for (const line of stdout.trimEnd().split('\n'))
      expect(textWidth(line)).toBeLessThanOrEqual(60);
    expect(stdout).toContain('3m ago');
    expect(stdout).toContain('…');
    expect(stdout).not.toContain('DETAIL');
  });

  it('measures wide letters as two columns', () => {
    const { stdout } = rendered([row('寄付ありがとう'), row('ok')], {}, { columns: 60 });
    expect(stdout).toContain('寄付ありがとう');
  });

  it('escapes control characters from outside', () => {
    const { stdout } = rendered([row('\u001b[2J\u202egone\u0007')], {}, { columns: 80 });
    for (const sign of ['\u001b', '\u0007', '\u202e']) expect(stdout).not.toContain(sign);
    expect(stdout).toContain('gone');
  });

  it('is coloured only where colour is wanted', () => {
    const plain = rendered([row('bad')], {}, { columns: 80 }).stdout;
    const painted = rendered([row('bad')], {}, { columns: 80, color: true }).stdout;
    expect(painted).toContain('\u001b[31m');
    expect(stripVTControlCharacters(painted)).toBe(plain);
  });
});

describe('JSON', () => {
  it('is an array with all fields, null where there is nothing', () => {
    expect(JSON.parse(rendered([row()], { json: '' }).stdout)).toEqual([
      { id: 'don_1', amount_minor: 5000, at: AT.toISOString(), note: null, detail: 'more' },
    ]);
    expect(rendered([], { json: true }).stdout).toBe('[]\n');
  });

  it('has the selected fields in their order', () => {
    expect(rendered([row()], { json: 'detail, id' }).stdout).toBe(
      '[{"detail":"more","id":"don_1"}]\n',
    );
  });

  it('lists the fields when one does not exist', () => {
    const attempt = () => rendered([], { json: 'id,nonsense' });
    expect(attempt).toThrow(UserError);
    expect(attempt).toThrow('there is no field "nonsense"');
    try {
      attempt();
    } catch (error) {
      expect((error as UserError).hint).toBe('Fields: id, amount_minor, at, note, detail');
    }
  });

  it('is one object a line as ndjson', () => {
    const lines = rendered([row('a'), row('b')], { output: 'ndjson' })
      .stdout.trim()
      .split('\n');
    expect(lines.map((line: string) => JSON.parse(line).note)).toEqual(['a', 'b']);
  });

  it('keeps amounts exact', () => {
    expect(toJson({ small: 9007199254740991n, large: 9007199254740993n })).toBe(
      '{"small":9007199254740991,"large":"9007199254740993"}',
    );
  });
});

describe('CSV', () => {
  const cell = (note: string) =>
    rendered([row(note)], { output: 'csv' })
      .stdout.split('\r\n')[1]
      ?.split('Z,')[1];

  it('has names for scripts and CRLF lines (RFC 4180)', () => {
    const { stdout } = rendered([row('x')], { output: 'csv' });
    expect(stdout.startsWith('id,amount_minor,at,note,detail\r\ndon_1,5000,')).toBe(true);
    expect(rendered([], { output: 'csv' }).stdout).toBe('id,amount_minor,at,note,detail\n');
  });

  it.each([
    ['plain', 'plain,more\n'],
    ['a,b', '"a,b",more\n'],
    ['say "hi"', '"say ""hi""",more\n'],
    ['=1+1', "'=1+1,more\n"],
    ['+44 20', "'+44 20,more\n"],
    ['-cmd', "'-cmd,more\n"],
    ['@SUM(A1)', "'@SUM(A1),more\n"],
    ['-12.50', '-12.50,more\n'],
  ])('%j is quoted, and no formula', (note, expected) => {
    expect(cell(note)).toBe(expected);
  });
});

describe('an object in a row', () => {
  const WITH_PARTS: Column<Row>[] = [
    {
      name: 'donor',
      header: 'DONOR',
      value: (each) => (each.note ? { id: 'dnr_1', name: each.note } : null),
      text: (each) => each.note ?? '',
      parts: ['id', 'name'],
    },
  ];
  const text = (options: OutputOptions) =>
    written((io) => render(io, options, WITH_PARTS, [row('Ada'), row()])).stdout;

  it('is a column for each part in CSV, and what people read in a table', () => {
    expect(text({ output: 'csv' })).toBe('donor_id,donor_name\r\ndnr_1,Ada\r\n,\n');
    expect(text({})).toBe('DONOR\nAda\n\n');
    expect(JSON.parse(text({ json: '' }))).toEqual([
      { donor: { id: 'dnr_1', name: 'Ada' } },
      { donor: null },
    ]);
  });
});

describe('one row', () => {
  const one = (options: OutputOptions, terminal?: { columns: number }) =>
    written((io) => renderOne(io, options, COLUMNS, row(), NOW), terminal).stdout;

  it('is an object for scripts', () => {
    expect(JSON.parse(one({ json: 'id,amount_minor' }))).toEqual({
      id: 'don_1',
      amount_minor: 5000,
    });
  });

  it('is a card for people, without empty fields', () => {
    expect(one({}, { columns: 80 })).toBe(
      'ID      don_1\nAMOUNT  5000\nAT      3m ago\nDETAIL  more\n',
    );
  });

  it('has the moment itself off a terminal', () => {
    expect(one({})).toContain('2026-11-23T11:57:00.000Z');
  });
});
