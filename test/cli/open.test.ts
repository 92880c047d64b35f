import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem } from '../support/system.ts';
import { hasTmux, Tmux } from '../tui/tmux.ts';

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;

let system: System;
let donation: string;
let payment: string;
beforeAll(async () => {
  system = await startSystem();
  const given = await donateNow(system.deps, gift());
  donation = given.id;
  payment = given.charge?.paymentIntentId ?? '';
  await runCli(['worker', 'start', '--once'], { env: system.env });
});
afterAll(() => system.close());

const cli = (...args: string[]) => runCli([...args, '--open'], { env: system.env });
const setMode = (mode: string) =>
  system.db.query(`update donations.settings set value = $1 where key = 'mode'`, [mode]);
const jobOf = async (task: string) => {
  const { rows } = await system.db.query<{ id: string }>(
    'select job_id::text as id from donations.job_attempts where donation_id = $1 and task = $2',
    [donation, task],
  );
  return rows[0]?.id ?? '';
};

describe('--open in the sandbox', () => {
  it('says that there is no dashboard, and the command that shows the mail', async () => {
    const ofPayment = await cli('show', donation);
    expect(ofPayment).toMatchObject({ code: 1, stdout: '' });
    expect(ofPayment.stderr).toContain('the sandbox has no dashboard');
    const { stderr } = await cli('receipts', 'show', donation);
    const [, id = ''] = /donations sandbox inbox --open (\S+)$/m.exec(stderr) ?? [];
    // The mail is there: the hint can be pasted.
    const [mail] = await system.sandbox.inbox({ limit: 1 });
    expect(id).toBe(mail?.id);
  });
});

describe('--open elsewhere', () => {
  beforeAll(() => setMode('test'));

  it('prints the payment of a donation, off a terminal', async () => {
    const test = `https://dashboard.stripe.com/test/payments/${payment}\n`;
    expect(await cli('show', payment)).toMatchObject({ code: 0, stdout: test });
    await setMode('live');
    const live = `https://dashboard.stripe.com/payments/${payment}\n`;
    expect(await cli('show', donation)).toMatchObject({ code: 0, stdout: live });
    await setMode('test');
  });

  it('prints where the mails to the recipient of a receipt are', async () => {
    const { stdout } = await cli('receipts', 'show', donation);
    const url = new URL(stdout);
    expect(url.origin + url.pathname).toBe('https://app.sendgrid.com/email_activity');
    expect(JSON.parse(url.searchParams.get('filters') ?? '')).toEqual([
      { val: ['ada@example.org'], selectedFieldName: 'to_email', comparisonType: 'Contains' },
    ]);
    const ofJob = await cli('jobs', 'show', await jobOf('send_receipt'));
    expect(ofJob).toMatchObject({ code: 0, stdout });
  });

  it('prints the request that a job made last, or the payment that it is about', async () => {
    const { stdout } = await cli('jobs', 'show', await jobOf('tokenize_card'));
    expect(stdout).toMatch(/^https:\/\/dashboard\.stripe\.com\/test\/logs\/req_\w+\n$/);
    const waiting = await addJob(system.db, {
      task: 'settle_donation',
      payload: { donation_id: donation },
    });
    expect((await cli('jobs', 'show', waiting)).stdout).toContain(`/payments/${payment}`);
  });

  it('prints the customer who a donor is, or the mails to the address', async () => {
    const { rows } = await system.db.query<{ id: string }>(
      'select stripe_customer_id as id from donations.donors where stripe_customer_id is not null',
    );
    expect(await cli('donors', 'show', 'ada@example.org')).toMatchObject({
      code: 0,
      stdout: `https://dashboard.stripe.com/test/customers/${rows[0]?.id}\n`,
    });
    await system.db.query(
      `with n as (insert into donations.donors (id, name) values ($1, 'Bo') returning id)
       insert into donations.donor_emails (donor_id, email, is_primary) select id, 'bo@example.org', true from n`,
      [newId('donor')],
    );
    const { stdout } = await cli('donors', 'show', 'bo@example.org');
    expect(new URL(stdout).searchParams.get('filters')).toContain('"bo@example.org"');
  });

  it('says it when there is no page', async () => {
    const job = await addJob(system.db, { task: 'export_gifts' });
    const { code, stderr } = await cli('jobs', 'show', job);
    expect(code).toBe(3);
    expect(stderr).toContain('neither Stripe nor SendGrid');
  });

  it('does not go with --json', async () => {
    expect((await cli('show', donation, '--json')).code).toBe(2);
  });

  it.skipIf(!hasTmux)('opens a browser on a terminal', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'donations-open-'));
    const opener = join(folder, 'xdg-open');
    writeFileSync(opener, `#!/bin/sh\necho "browser: $1" > ${folder}/opened\n`);
    chmodSync(opener, 0o755);
    const terminal = new Tmux(
      `${process.execPath} ${LAUNCHER} show ${donation} --open; until cat ${folder}/opened; do sleep 0.1; done; sleep 60`,
      { columns: 120, rows: 20 },
      { ...system.env, PATH: `${folder}:${process.env.PATH}` },
    );
    try {
      const url = `https://dashboard.stripe.com/test/payments/${payment}`;
      await terminal.until((screen) => screen.includes(`browser: ${url}`));
      expect(terminal.screen()).toContain(`Opened ${url}`);
    } finally {
      terminal.close();
      rmSync(folder, { recursive: true });
    }
  });
});
