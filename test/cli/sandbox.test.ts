import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chargeParams, failureOf, stripeOn } from '../sandbox/harness.ts';
import { runCli } from '../support/cli.ts';

let dataDir: string;
let env: NodeJS.ProcessEnv;
let stripe: ReturnType<typeof stripeOn>;
const cli = (...args: string[]) => runCli(['sandbox', ...args], { env });

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'donations-sandbox-cli-'));
  env = { PATH: process.env.PATH, HOME: dataDir, DONATIONS_DATA_DIR: dataDir };
  const { stdout } = await cli('start');
  stripe = stripeOn({ port: Number(new URL(stdout.trim()).port) });
});
afterAll(async () => {
  await cli('stop');
  rmSync(dataDir, { recursive: true });
});

const { confirm: _confirm, error_on_requires_action: _error, ...UNCONFIRMED } = chargeParams();

it('refunds a payment: a part, the rest, and no more', async () => {
  const { id } = await stripe.paymentIntents.create(UNCONFIRMED);
  const early = await cli('refund', id);
  expect(early.code).toBe(2);
  expect(early.stderr).toContain('does not have a successful charge');
  await stripe.paymentIntents.confirm(id);
  const part = await cli('refund', id, '--amount', '12.50', '--json');
  expect(JSON.parse(part.stdout)).toMatchObject({
    refund: expect.stringMatching(/^re_/),
    payment_intent: id,
    amount: '12.50',
    currency: 'usd',
  });
  expect((await cli('refund', id)).stdout).toContain('$37.50 USD');
  expect((await cli('refund', id)).code).toBe(2);
  const unknown = await cli('refund', 'pi_nowhere');
  expect(unknown.code).toBe(3);
  expect(unknown.stderr).toContain('the sandbox has no payment pi_nowhere');
});

it('holds a confirmation until it is released', async () => {
  const { id } = await stripe.paymentIntents.create(UNCONFIRMED);
  const fault = await cli(
    ...['fault', 'stripe', '--late-after-reset', '100%', '--path', 'POST .*/confirm$'],
    ...['--count', '1'],
  );
  expect(fault.code).toBe(0);
  await failureOf(stripe.paymentIntents.confirm(id));
  const { stdout } = await cli('status', '--json=held');
  expect(JSON.parse(stdout)).toEqual({ held: 1 });
  expect((await stripe.paymentIntents.retrieve(id)).status).toBe('requires_confirmation');
  expect((await cli('fault', '--release')).stderr).toContain('1 late request has taken effect');
  expect((await stripe.paymentIntents.retrieve(id)).status).toBe('succeeded');
});
