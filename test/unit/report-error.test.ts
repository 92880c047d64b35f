import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/commands/context.ts';
import { explain } from '../../src/commands/report-error.ts';

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
