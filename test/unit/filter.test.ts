import { describe, expect, it } from 'vitest';
import { compileFilter, Params, wantedStates } from '../../src/lib/filter/compile.ts';
import { parseFilter, term } from '../../src/lib/filter/parse.ts';
import { TERM_NAMES, TERMS } from '../../src/lib/filter/terms.ts';

const parsed = (text: string) =>
  parseFilter(text).terms.map(({ name, path, not, operator, values }) => [
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
  ])('%j', (text, terms) => {
    expect(parsed(text)).toEqual(terms);
  });

  it.each<[text: string, at: number, message: string, allowed: string]>([
    ['timeout', 0, '"timeout" is not a term', 'Terms: state job task'],
    ['task:a stat:failed', 7, 'there is no term "stat"', 'Terms: state job task'],
    ['task:a -stat:failed', 8, 'there is no term "stat"', 'payload.<field>'],
    ['fund.x:1', 0, 'there is no term "fund.x"', 'Terms:'],
    ['constructor:1', 0, 'there is no term "constructor"', 'Terms:'],
    ['payload:x', 0, 'say which field', 'payload.campaign:spring'],
    ['payload..a:x', 0, 'say which field', 'payload.campaign:spring'],
    ['task:a state:fail', 13, 'there is no state "fail"', 'ready running scheduled'],
    ['age:=1h', 4, 'age cannot be compared with "="', 'Allowed: > < >= <='],
    ['attempts:~3', 9, 'cannot be compared with "~"', 'Allowed: = > <'],
    ['age:>1q', 5, '"1q" is not a length of time', '10m'],
    ['attempts:many', 9, '"many" is not a number', 'attempts:>3'],
    ['attempts:>3,4', 9, '> takes one value', 'attempts:>3'],
    ['since:2026-13-45', 6, 'is not a time', '2026-11-23T10:00Z'],
    ['task:', 5, 'task has no value', 'task:send_receipt'],
    ['task:a,', 7, 'task has no value', 'task:send_receipt'],
    ['error:~"x', 7, 'not closed', 'End it'],
    ['job:4711x', 4, "is not a job's id", 'job:4711'],
    ['"a":b', 0, 'begins with its name', 'Terms:'],
  ])('%j is refused at %i', (text, at, message, allowed) => {
    let error: { code?: string; message?: string; hint?: string } = {};
    try {
      parseFilter(text);
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

  it.each(TERM_NAMES)('understands the example of %s', (name) => {
    expect(parseFilter(TERMS[name].example).terms[0]?.name).toBe(name);
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
    expect([...wantedStates(parseFilter(text))].sort()).toEqual(states.sort());
  });
});

it('never puts a value into the SQL', () => {
  const evil = `'; drop table donors; --`;
  const filter = parseFilter(
    TERM_NAMES.filter((name) => TERMS[name].kind === 'word')
      .map((name) => term(name === 'payload' ? `payload.${'x'}` : name, evil))
      .join(' '),
  );
  const params = new Params();
  const sql = (each: { values: unknown[] }, all: Params) => `c = any (${all.add(each.values)})`;
  const conditions = Object.fromEntries(TERM_NAMES.map((name) => [name, sql])) as never;
  const text = compileFilter(filter, conditions, params).join(' and ');
  expect(text).not.toContain('drop');
  expect(params.values.flat()).toContain(evil);
});
