import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../src/lib/config.ts';
import { type Db, openDb } from '../src/lib/db/database.ts';
import { startEmbedded, stopEmbedded } from '../src/lib/db/embedded.ts';
import { prepareDatabase } from '../src/lib/db/prepare.ts';
import { ensureOrganization } from '../src/lib/organizations/organization.ts';
import { SAMPLE } from '../src/lib/receipts/templates.ts';
import { SandboxClient } from '../src/lib/sandbox/client.ts';
import { ensureSandbox, stopSandbox } from '../src/lib/sandbox/daemon.ts';

/** A database and doubles for one benchmark, each a separate process as in production. */
export interface Stage {
  dataDir: string;
  databaseUrl: string;
  sandboxUrl: string;
  sandbox: SandboxClient;
  config: Config;
  db: Db;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const dataDir = mkdtempSync(join(tmpdir(), 'donations-bench-'));
  await chmod(dataDir, 0o755);
  const { url: databaseUrl } = await startEmbedded({ dataDir });
  const sandbox = await ensureSandbox({ dataDir });
  const { config } = loadConfig({ env: { DONATIONS_DATA_DIR: dataDir }, cwd: dataDir });
  const db = openDb({
    url: databaseUrl,
    applicationName: 'donations bench',
    poolSize: 20,
    // A million rows are seeded in one statement.
    statementTimeoutMs: 3_600_000,
  });
  await prepareDatabase(db, { url: databaseUrl, mode: 'sandbox', migrateByItself: true });
  await ensureOrganization(db, config);
  return {
    dataDir,
    databaseUrl,
    sandboxUrl: sandbox.url,
    sandbox: new SandboxClient(sandbox),
    config,
    db,
    async close() {
      await db.close();
      await stopSandbox({ dataDir });
      await stopEmbedded({ dataDir, mode: 'immediate' });
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Makes charged donations, each with a receipt to send and its job. */
export async function seedReceipts(db: Db, from: number, count: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into donations.donors (id, name) values ('dnr_' || repeat('0', 26), 'Ada Lovelace')
       on conflict do nothing`,
    );
    await tx.query(
      `insert into donations.receipt_counters select id, 'bench', 0 from donations.organizations
       on conflict do nothing`,
    );
    const id = (prefix: string) => `'${prefix}_' || lpad(i::text, 26, '0')`;
    await tx.query(
      `insert into donations.donations (id, donor_id, amount_minor, currency, method, status, gift_on,
         received_on, settled_at)
       select ${id('don')}, 'dnr_' || repeat('0', 26), 5000, 'usd', 'card', 'succeeded', current_date,
         current_date, now()
       from generate_series($1::int, $2::int) i`,
      [from, from + count - 1],
    );
    await tx.query(
      `insert into donations.charges (donation_id, payment_method, payment_intent_id)
       select ${id('don')}, 'pm_card_visa', 'pi_' || i from generate_series($1::int, $2::int) i`,
      [from, from + count - 1],
    );
    await tx.query(
      `insert into donations.receipts (id, organization_id, organization_version, kind, series, number,
         donor_id, amount_minor, deductible_minor, currency, issued_on, locale, template_version, content,
         content_hash)
       select ${id('rcp')}, o.id, 1, 'donation', 'bench', i, 'dnr_' || repeat('0', 26), 5000, 5000, 'usd',
         current_date, 'en-US', '1', $3::jsonb, encode(sha256(convert_to($3::jsonb::text, 'UTF8')), 'hex')
       from donations.organizations o, generate_series($1::int, $2::int) i`,
      [from, from + count - 1, JSON.stringify(SAMPLE)],
    );
    await tx.query(
      `insert into donations.receipt_donations (receipt_id, donation_id, kind)
       select ${id('rcp')}, ${id('don')}, 'donation' from generate_series($1::int, $2::int) i`,
      [from, from + count - 1],
    );
    await tx.query(
      `insert into donations.receipt_deliveries (id, receipt_id, kind, recipient, status)
       select ${id('dlv')}, ${id('rcp')}, 'original', 'ada@example.org', 'pending'
       from generate_series($1::int, $2::int) i`,
      [from, from + count - 1],
    );
    await tx.query(
      `select count(*) from graphile_worker.add_jobs(array(
         select row('send_receipt', json_build_object('donation_id', ${id('don')}, 'delivery_id', ${id('dlv')}),
           null, now(), 25, 'send:' || ${id('dlv')}, 0, array['task:send_receipt'])::graphile_worker.job_spec
         from generate_series($1::int, $2::int) i))`,
      [from, from + count - 1],
    );
  });
  await db.query('analyze');
}
