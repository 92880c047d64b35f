import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDb } from '../../src/lib/db/database.ts';
import { startEmbedded, stopEmbedded } from '../../src/lib/db/embedded.ts';
import { prepareDatabase } from '../../src/lib/db/prepare.ts';
import { addsUp, isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { runCli } from '../support/cli.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, hurry, startSystem } from '../support/system.ts';

const DONATIONS = 120;

it.each(['TCP', 'a Unix socket'])(
  'goes on after Postgres was restarted under a running worker, and loses nothing, by %s',
  async (way) => {
    // A separate server that the test stops and starts; the doubles are those of the test.
    const system = await startSystem();
    const dataDir = mkdtempSync(join(tmpdir(), 'donations-restart-'));
    // The server's account creates its socket here.
    await chmod(dataDir, 0o777);
    const settings = { unix_socket_directories: way === 'TCP' ? '' : dataDir };
    const start = async () => {
      const { url } = await startEmbedded({ dataDir, settings });
      return way === 'TCP' ? url : bySocket(url, dataDir);
    };
    const url = await start();
    let db = openDb({ url, applicationName: 'test' });
    try {
      await prepareDatabase(db, { url, mode: 'sandbox', migrateByItself: true });
      await system.sandbox.setFaults('sendgrid', { latencyMs: [20, 60] });
      for (let i = 0; i < DONATIONS; i++) {
        await donateInBackground({ ...system.deps, db }, gift({ name: `Donor ${i % 11}` }));
      }
      const worker = system.startWorker({
        // A long deadline, so that only the outage of Postgres causes unknown outcomes.
        env: { DATABASE_URL: url, DONATIONS_SENDGRID_TIMEOUT_MS: '30000' },
      });
      await worker.until(
        (lines) => lines.filter(({ outcome }) => outcome === 'succeeded').length >= 40,
      );
      await db.close();
      await stopEmbedded({ dataDir, mode: 'immediate' });
      await worker.until(({ length }) =>
        worker.lines
          .slice(0, length)
          .some(({ msg }) => /Postgres is unavailable|was lost/.test(msg)),
      );
      if (way !== 'TCP') {
        const { code, stderr } = await runCli(['db', 'status'], {
          env: { ...system.env, DATABASE_URL: url },
        });
        expect(code).toBe(69);
        expect(stderr).toContain(dataDir);
      }
      expect(await start()).toBe(url);
      db = openDb({ url, applicationName: 'test' });
      await worker.until(async () => {
        await hurry(db);
        return isComplete(await tallySince(db, new Date(0)));
      });
      expect(await worker.stop()).toBe(0);
      const account = await tallySince(db, new Date(0));
      expect(account).toMatchObject({
        donations: DONATIONS,
        charged: DONATIONS,
        receiptsFailed: 0,
      });
      expect(addsUp(account)).toBe(true);
      const charges = (await system.sandbox.paymentIntents({ limit: 1000 })).filter(
        ({ status }) => status === 'succeeded',
      );
      expect(charges).toHaveLength(DONATIONS);
      // Every mail that SendGrid accepted during the outage is recorded as accepted.
      const { rows: held } = await db.query(
        `select reason from donations.receipt_deliveries where status = 'held'`,
      );
      expect(held).toEqual([]);
      expect(await system.sandbox.inbox({ limit: 1000 })).toHaveLength(DONATIONS);
    } finally {
      await db.close().catch(() => {});
      await stopEmbedded({ dataDir, mode: 'immediate' });
      rmSync(dataDir, { recursive: true, force: true });
      await system.close();
    }
  },
  120_000,
);

/** The URL of the same server through its Unix socket. */
function bySocket(url: string, folder: string): string {
  const { username, password, pathname, port } = new URL(url);
  return `postgres://${username}:${password}@${pathname}?host=${encodeURIComponent(folder)}&port=${port}`;
}
