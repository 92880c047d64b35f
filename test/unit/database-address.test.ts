import { describe, expect, it } from 'vitest';
import { addressOf } from '../../src/lib/db/address.ts';
import { isConnectionError, isPassing } from '../../src/lib/db/connection-error.ts';
import { describeDatabase } from '../../src/lib/db/describe.ts';

describe('where a database is', () => {
  it.each([
    ['postgres://me:pw@db.example:5432/gifts', 'db.example:5432', 'gifts'],
    ['postgresql://db.example/gifts', 'db.example', 'gifts'],
    ['postgres://me:pw@[::1]:5433/gifts', '[::1]:5433', 'gifts'],
    ['postgres://me@/gifts?host=/var/run/postgresql', '/var/run/postgresql', 'gifts'],
    ['postgres:///gifts?host=/tmp', '/tmp', 'gifts'],
    ['postgres:///gifts', 'localhost', 'gifts'],
    ['postgres://me:pw@%2Fvar%2Frun%2Fpostgresql/gifts', '/var/run/postgresql', 'gifts'],
    ['postgres://me@/gifts?host=db.example&port=6432', 'db.example:6432', 'gifts'],
  ])('%s', (url, server, database) => {
    expect(addressOf(url)).toEqual({ server, database });
  });

  it('is unknown for a text that is not a URL', () => {
    expect(addressOf('postgres://me:pw@host:port/gifts')).toBeUndefined();
  });

  it('is shown without a password', () => {
    const { where, hint } = describeDatabase({
      databaseUrl: 'postgres://me:hunter2@/gifts?host=/run/pg',
      dataDir: '',
    });
    expect(where).toBe('the socket in /run/pg, database gifts');
    expect(hint).not.toContain('hunter2');
  });
});

const failure = (code: string, rest: object = {}) =>
  Object.assign(new Error(code), { code, ...rest });

describe('what is wrong with Postgres', () => {
  it.each([
    ['a socket that is not there', failure('ENOENT', { syscall: 'connect' }), true, true],
    ['a file that is not there', failure('ENOENT', { syscall: 'open' }), false, false],
    ['a refused connection', failure('ECONNREFUSED'), true, true],
    ['a standby', failure('25006'), true, true],
    ['a shutdown', failure('57P01'), true, true],
    ['an answer that did not come', new Error('Query read timeout'), true, true],
    ['a connection attempt that took too long', new Error('timeout expired'), true, true],
    ['all addresses refused', new AggregateError([failure('ECONNREFUSED')]), true, true],
    ['a full disk', failure('53100'), false, true],
    ['a cancelled statement', failure('57014'), false, true],
    ['a deadlock', failure('40P01'), false, true],
    ['a value that a check refuses', failure('23514'), false, false],
    ['a bug', new Error('undefined is not a function'), false, false],
  ])('%s', (_what, error, away, passing) => {
    expect(isConnectionError(error)).toBe(away);
    expect(isPassing(error)).toBe(passing);
  });
});
