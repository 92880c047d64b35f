import { describe, expect, it } from 'vitest';
import { Bindings, type Condition, compileFilter } from '../../src/lib/filter/compile.ts';
import { FILTER_BOUNDS, parseFilter, term } from '../../src/lib/filter/parse.ts';
import type { Vocabulary } from '../../src/lib/filter/vocabulary.ts';
import {
  JOB_TERMS,
  type JobTerm,
  parseJobFilter,
  wantedStates,
} from '../../src/lib/queue/read/vocabulary.ts';

const parsed = (text: string) =>
  parseJobFilter(text).terms.map(({ name, path, not, operator, values }) => [
    not ? `-${name}` : name,
    operator,
    ...path,
    ...values,
  ]);

describe('a filter', () => {
  it.each<[text: string, terms: unknown[][]]>([
    ['', []],
    ['  ', []],
    ['task:send_receipt', [['task', '=', 'send_receipt']]],
    [
      'task:a,b  state:failed',
      [
        ['task', '=', 'a', 'b'],
        ['state', '=', 'failed'],
      ],
    ],
    ['error:~timeout', [['error', '~', 'timeout']]],
    ['error:~"timed out"', [['error', '~', 'timed out']]],
    ['error:~"a \\"b\\" \\\\c"', [['error', '~', 'a "b" \\c']]],
    ['error:~"a,b",c', [['error', '~', 'a,b', 'c']]],
    ['age:>1h', [['age', '>', 3_600_000]]],
    ['age:1h30m', [['age', '>', 5_400_000]]],
    ['age:<=10m', [['age', '<=', 600_000]]],
    ['since:2h', [['since', '=', 7_200_000]]],
    ['since:2026-11-23T10:00Z', [['since', '=', new Date('2026-11-23T10:00Z')]]],
    ['attempts:3', [['attempts', '=', 3]]],
    ['attempts:>=3', [['attempts', '>=', 3]]],
    ['-state:held,failed', [['-state', '=', 'held', 'failed']]],
    ['payload.campaign:spring', [['payload', '=', 'campaign', 'spring']]],
    ['payload.a.b-c:~x', [['payload', '~', 'a', 'b-c', 'x']]],
    ['donor:ada@example.org', [['donor', '=', 'ada@example.org']]],
    ['job:1,2', [['job', '=', '1', '2']]],
    ['donation:don_01', [['donation', '=', 'don_01']]],
    ['amount:>100', [['amount', '>', { decimal: '100', currency: undefined }]]],
    ['amount:99.50EUR', [['amount', '=', { decimal: '99.50', currency: 'eur' }]]],
    ['received:2026', [['received', '=', { from: '2026-01-01', until: '2027-01-01' }]]],
    ['received:>=2026-12', [['received', '>=', { from: '2026-12-01', until: '2027-01-01' }]]],
    ['received:<2024-02-29', [['received', '<', { from: '2024-02-29', until: '2024-03-01' }]]],
  ])('%j', (text, terms) => {
    expect(parsed(text)).toEqual(terms);
  });

  it.each<[text: string, at: number, message: string, allowed: string]>([
    ['timeout', 0, '"timeout" is not a term', 'Terms: state job task'],
    ['task:a stat:failed', 7, 'there is no term "stat"', 'Terms: state job task'],
    ['task:a -stat:failed', 8, 'there is no term "stat"', 'payload.<field>'],
    ['fund.x:1', 0, 'there is no term "fund.x"', 'Terms:'],
    ['constructor:1', 0, 'there is no term "constructor"', 'Terms:'],
    ['payload:x', 0, 'the field of the payload is missing', 'payload.campaign:spring'],
    ['payload..a:x', 0, 'the field of the payload is missing', 'payload.campaign:spring'],
    ['task:a state:fail', 13, 'there is no state "fail"', 'ready running scheduled'],
    ['donation:4711', 9, 'is not the id of a donation', 'donation:don_'],
    ['donation:dnr_01', 9, 'begins with don_', 'donation:don_'],
    ['amount:lots', 7, 'is not an amount', '99.50'],
    ['amount:100xyz', 7, 'is not an amount', '100eur'],
    ['amount:1.2345', 7, 'is not an amount', '99.50'],
    ['received:2026-13', 9, 'is not a date', '2026-11-23'],
    ['received:2026-02-30', 9, 'is not a date', '2026-11-23'],
    ['age:=1h', 4, 'age cannot be compared with "="', 'Allowed: > < >= <='],
    ['attempts:~3', 9, 'cannot be compared with "~"', 'Allowed: = > <'],
    ['age:>1q', 5, '"1q" is not a duration', '10m'],
    ['attempts:many', 9, '"many" is not a number', 'attempts:>3'],
    ['attempts:>3,4', 9, '> takes one value', 'attempts:>3'],
    ['since:2026-13-45', 6, 'is not a time', '2026-11-23T10:00Z'],
    ['task:', 5, 'task has no value', 'task:send_receipt'],
    ['task:a,', 7, 'task has no value', 'task:send_receipt'],
    ['error:~"x', 7, 'not closed', 'Close it'],
    ['job:4711x', 4, 'is not the id of a job', 'job:4711'],
    ['"a":b', 0, 'begins with its name', 'Terms:'],
  ])('%j is refused at %i', (text, at, message, allowed) => {
    let error: { code?: string; message?: string; hint?: string } = {};
    try {
      parseJobFilter(text);
    } catch (thrown) {
      error = thrown as typeof error;
    }
    expect(error.code).toBe('usage');
    expect(error.message).toContain(message);
    const [line, pointer] = error.hint?.split('\n') ?? [];
    expect(line).toBe(text);
    expect(pointer?.indexOf('^')).toBe(at);
    expect(pointer).toContain(allowed);
  });

  it.each(Object.keys(JOB_TERMS) as JobTerm[])('understands the example of %s', (name) => {
    expect(parseJobFilter(JOB_TERMS[name].example).terms[0]?.name).toBe(name);
  });

  it.each(['plain', 'two words', 'a,b', 'say "x"', 'back\\slash', '~tilde', '>1', 'é'])(
    'quotes %j so that it is read back as it was',
    (value) => {
      expect(parsed(term('error', value, '~'))).toEqual([['error', '~', value]]);
      expect(parsed(term('fund', value))).toEqual([['fund', '=', value]]);
    },
  );
});

describe('states', () => {
  it.each<[text: string, states: string[]]>([
    ['', ['ready', 'scheduled', 'retrying', 'failed', 'held', 'stuck', 'at_work']],
    ['state:failed', ['failed']],
    ['state:failed,held', ['failed', 'held']],
    ['state:running', ['stuck', 'at_work']],
    ['state:stuck', ['stuck']],
    ['state:running -state:stuck', ['at_work']],
    ['-state:failed,held,running', ['ready', 'scheduled', 'retrying']],
    ['state:failed state:held', []],
  ])('of %j', (text, states) => {
    expect([...wantedStates(parseJobFilter(text))].sort()).toEqual(states.sort());
  });
});

describe('a hostile filter', () => {
  const { text, terms, values, value, path } = FILTER_BOUNDS;
  it.each<[what: string, filter: string, message: string]>([
    ['is too long', 'a'.repeat(text + 1), 'the filter has 20,001 characters'],
    ['has too many terms', 'task:a '.repeat(terms + 1), 'more than 50 terms'],
    ['has too many values', `job:${'1,'.repeat(values)}1`, 'job has more than 1000 values'],
    ['has too long a value', `error:~${'x'.repeat(value + 1)}`, 'longer than 500 characters'],
    ['has many digits', `age:>${'9'.repeat(15_000)}d`, 'longer than 500 characters'],
    ['goes too deep', `payload.${'a.'.repeat(path)}a:x`, 'more than 10 fields deep'],
    ['has a long name', `${'n'.repeat(10_000)}:x`, `there is no term "${'n'.repeat(60)}…"`],
    ['has a NUL', 'task:a\0b', 'NUL'],
    ['has half a character', 'task:a\ud800b', 'half of a surrogate pair'],
  ])('that %s is one short usage error', (_what, filter, message) => {
    expect(() => parseJobFilter(filter)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    );
    try {
      parseJobFilter(filter);
    } catch (error) {
      const { hint = '' } = error as { hint?: string };
      expect(hint.length).toBeLessThan(400);
      // No control characters except the line break.
      expect(hint.replace('\n', '')).not.toMatch(/\p{C}/u);
    }
  });

  it('at its bounds is read', () => {
    expect(parseJobFilter(`job:${'1,'.repeat(values - 1)}1`).terms[0]?.values).toHaveLength(values);
    expect(parseJobFilter('task:a '.repeat(terms)).terms).toHaveLength(terms);
  });

  it('shows the part of a long text that is wrong, with the mark below it', () => {
    const filter = `${'task:a '.repeat(40)}stat:failed ${'task:b '.repeat(5)}`;
    try {
      parseJobFilter(filter);
      expect.unreachable();
    } catch (error) {
      const [line = '', pointer = ''] = (error as { hint: string }).hint.split('\n');
      expect(line).toMatch(/^….*stat:failed/);
      expect(line.slice(pointer.indexOf('^'))).toMatch(/^stat:failed/);
    }
  });
});

it('uses the vocabulary of its caller', () => {
  const vocabulary = {
    status: { kind: 'choice', values: ['issued', 'void'], about: '', example: 'status:void' },
    issued: { kind: 'date', about: '', example: 'issued:2026' },
  } as const satisfies Vocabulary;
  const filter = parseFilter('status:void -issued:2026-11', vocabulary);
  const bindings = new Bindings();
  const sql: Condition = ({ values }, all) => `c = ${all.add(values)}`;
  expect(compileFilter(filter, { status: sql, issued: sql }, bindings)).toEqual([
    '(c = $1)',
    'not coalesce((c = $2), false)',
  ]);
  // A term that selected the rows already.
  expect(compileFilter(filter, { status: null, issued: null }, new Bindings())).toEqual([]);
  expect(() => parseFilter('task:a', vocabulary)).toThrow('there is no term "task"');
});

it('never puts a value into the SQL', () => {
  const evil = `'; drop table donors; --`;
  const names = Object.keys(JOB_TERMS) as JobTerm[];
  const filter = parseJobFilter(
    names
      .filter((name) => JOB_TERMS[name].kind === 'word')
      .map((name) => term(name === 'payload' ? 'payload.x' : name, evil))
      .join(' '),
  );
  const bindings = new Bindings();
  const sql: Condition = ({ values }, all) => `c = any (${all.add(values)})`;
  const conditions = Object.fromEntries(names.map((name) => [name, sql]));
  const text = compileFilter(filter, conditions as Record<JobTerm, Condition>, bindings).join(
    ' and ',
  );
  expect(text).not.toContain('drop');
  expect(bindings.values.flat()).toContain(evil);
});
