import { describe, expect, it } from 'vitest';
import { describeDatabase, urlProblem, withoutPassword } from '../../src/lib/db/describe.ts';

describe('a URL that may be shown', () => {
  it.each([
    ['postgres://me:hunter2@db:5432/gifts', 'postgres://me:****@db:5432/gifts'],
    ['postgres://db/gifts', 'postgres://db/gifts'],
    ['postgres://me@db/gifts', 'postgres://me@db/gifts'],
    ['postgres://me:hunter2@/gifts?host=/run/pg', 'postgres://me:****@/gifts?host=/run/pg'],
    ['postgres://db/gifts?user=me&password=hunter2', 'postgres://db/gifts?user=me&password=****'],
    ['postgres://db/gifts?pass%77ord=hunter2', 'postgres://db/gifts?pass%77ord=****'],
    ['postgres://db/gifts?sslpassword=hunter2&x=1', 'postgres://db/gifts?sslpassword=****&x=1'],
    ['postgres://db/gifts?application_name=a@b', 'postgres://db/gifts?application_name=a@b'],
    ['postgres://me:hunter%232@db/gifts', 'postgres://me:****@db/gifts'],
    // If the password has characters that must be escaped, no part of it may be shown.
    ['postgres://me:hun#ter2@db/gifts', 'postgres://****@db/gifts'],
    ['postgres://me:12#hunter2@db/gifts', 'postgres://****@db/gifts'],
    ['postgres://me:hun/ter2@db/gifts', 'postgres://****@db/gifts'],
    ['postgres://me:12/hunter2@db:5432/gifts', 'postgres://****@db:5432/gifts'],
    ['postgres://me:hun?ter2@db/gifts', 'postgres://****@db/gifts'],
    ['postgres://me:12?hunter2@db/gifts', 'postgres://****@db/gifts'],
    ['postgres://me:hun@ter2@db/gifts', 'postgres://****@db/gifts'],
    ['postgres://me:12/hunter2@db/gifts?sslmode=require', 'postgres://****'],
    ['https://me:hunter2@proxy.example/v3', 'https://me:****@proxy.example/v3'],
    ['https://proxy.example/v3?token=hunter2', 'https://proxy.example/v3?token=****'],
    ['no URL with hunter2', '****'],
  ])('%s', (url, shown) => {
    expect(withoutPassword(url)).toBe(shown);
    expect(shown).not.toMatch(/hunter|ter2/);
  });
});

describe('a connection URL', () => {
  it.each([
    'postgres://me:hunter2@db:5432/gifts',
    'postgres:///gifts?host=/run/postgresql',
    'postgres://me:pw@/gifts?host=/run/postgresql',
    'postgresql://me:p%40ss@[::1]:5432/gifts',
    'postgres://h:5432/gifts?application_name=a@b',
  ])('%s can be read', (url) => expect(urlProblem(url)).toBeUndefined());

  it.each([
    'postgres://me:pa#ss@h/db',
    'postgres://me:12#ss@h/db',
    'postgres://me:12/ss@h/db',
    'postgres://me:p@ss@h/db',
    'postgres://me:pa%zz@h/db',
    'postgres://h:99999/db',
    'postgres://h/a%00b',
  ])('%s cannot', (url) => expect(urlProblem(url)).toMatch(/%23 for #/));

  it('is named by its host and database only', () => {
    const where = (databaseUrl: string) => describeDatabase({ databaseUrl, dataDir: '/d' }).where;
    expect(where('postgres://me:hunter2@db:5432/gifts')).toBe('db:5432/gifts');
    expect(where('postgres:///gifts?host=/run/pg')).toBe('the socket in /run/pg, database gifts');
    expect(where('postgres://me:12/hunter2@db/gifts')).toBe('the address in DATABASE_URL');
  });
});
