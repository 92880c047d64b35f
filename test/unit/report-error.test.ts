import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/commands/context.ts';
import { explain, formatFailure } from '../../src/commands/report-error.ts';

const context = { connection: async () => ({ dataDir: '/var/lib/donations' }) } as Context;
const refused = (code: string, path: string) =>
  Object.assign(new Error(`${code}: permission denied`), { code, path });

describe('a file that this account may not use', () => {
  it.each(['EACCES', 'EPERM', 'EROFS'])(
    '%s: is a matter of configuration, not a bug',
    async (code) => {
      const error = refused(code, '/var/lib/donations/postgres.lock');
      expect(await explain(error, context)).toMatchObject({
        code: 'configuration',
        message: expect.stringContaining('/var/lib/donations belongs to another account'),
        hint: expect.stringContaining('DONATIONS_DATA_DIR'),
      });
      expect(await explain(refused(code, '/etc/shadow'), context)).toMatchObject({
        code: 'configuration',
        message: `/etc/shadow cannot be used (${code})`,
      });
    },
  );
});

describe('an error for scripts', () => {
  const DONATION = 'don_01m89msrkeem5rcbsa940mpks5';
  const errorOf = (message: string, hint?: string, about?: Record<string, string>) =>
    JSON.parse(formatFailure({ code: 'failed', message, hint, ...(about ? { about } : {}) }, true))
      .error;

  it('carries the ids that it speaks of, by the names of the fields', () => {
    expect(
      errorOf(`job 4711 of ${DONATION} is void`, `See it: donations show ${DONATION}`),
    ).toEqual({
      code: 'failed',
      message: `job 4711 of ${DONATION} is void`,
      hint: `See it: donations show ${DONATION}`,
      donation: DONATION,
      job: '4711',
    });
    expect(errorOf('receipt 2026-000042 is held')).toMatchObject({ number: '2026-000042' });
    const donor = DONATION.replace('don', 'dnr');
    expect(errorOf(`no donor ${donor}`)).toMatchObject({ donor: { id: donor } });
  });

  it('carries none where there are several, or only what a person typed', () => {
    const other = `${DONATION.slice(0, -1)}6`;
    expect(errorOf(`${DONATION} or ${other}?`)).not.toHaveProperty('donation');
    expect(errorOf('nothing found for "don_01m8"')).not.toHaveProperty('donation');
    expect(errorOf('it is void', undefined, { donation: DONATION })).toMatchObject({
      donation: DONATION,
    });
  });
});
