import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDb } from '../../src/lib/db/database.ts';
import { startEmbedded, stopEmbedded } from '../../src/lib/db/embedded.ts';
import { prepareDatabase } from '../../src/lib/db/prepare.ts';
import { addsUp, isComplete, tallySince } from '../../src/lib/donations/tally.ts';
import { donateInBackground } from '../support/donate.ts';
import { gift, hurry, startSystem } from '../support/system.ts';

const DONATIONS = 120;

it('goes on after Postgres was restarted under a running worker, and loses nothing', async () => {
  // A server of its own, to be stopped and started; the doubles are those of the test.
  const system = await startSystem();
  const dataDir = mkdtempSync(join(tmpdir(), 'donations-restart-'));
  await chmod(dataDir, 0o755);
  const { url } = await startEmbedded({ dataDir });
  let db = openDb({ url, applicationName: 'test' });
  try {
    await prepareDatabase(db, { url, mode: 'sandbox', migrateByItself: true });
    await system.sandbox.setFaults('sendgrid', { latencyMs: [20, 60] });
    for (let i = 0; i < DONATIONS; i++) {
      await donateInBackground({ ...system.deps, db }, gift({ name: `Donor ${i % 11}` }));
    }
    const worker = system.startWorker({ env: { DATABASE_URL: url } });
    await worker.until(
      (lines) => lines.filter(({ outcome }) => outcome === 'succeeded').length >= 40,
    );
    await db.close();
    await stopEmbedded({ dataDir, mode: 'immediate' });
    await worker.until(({ length }) =>
      worker.lines.slice(0, length).some(({ msg }) => /Postgres is away|went away/.test(msg)),
    );
    expect((await startEmbedded({ dataDir })).url).toBe(url);
    db = openDb({ url, applicationName: 'test' });
    await worker.until(async () => {
      await hurry(db);
      return isComplete(await tallySince(db, new Date(0)));
    });
    expect(await worker.stop()).toBe(0);
    const account = await tallySince(db, new Date(0));
    expect(account).toMatchObject({ donations: DONATIONS, charged: DONATIONS, receiptsFailed: 0 });
    expect(addsUp(account)).toBe(true);
    const charges = (await system.sandbox.paymentIntents({ limit: 1000 })).filter(
      ({ status }) => status === 'succeeded',
    );
    expect(charges).toHaveLength(DONATIONS);
    // Whatever SendGrid took while Postgres was away is on record as accepted.
    expect(account.held).toBe(0);
    expect(await system.sandbox.inbox({ limit: 1000 })).toHaveLength(DONATIONS);
  } finally {
    await db.close().catch(() => {});
    await stopEmbedded({ dataDir, mode: 'immediate' });
    rmSync(dataDir, { recursive: true, force: true });
    await system.close();
  }
}, 120_000);
