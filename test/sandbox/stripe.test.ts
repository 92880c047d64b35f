import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SandboxServer, startSandbox } from '../../src/lib/providers/sandbox/server.ts';

let dataDir: string;
let server: SandboxServer;
let stripe: Stripe;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
  server = await startSandbox({ dataDir });
  stripe = new Stripe('sk_test_sandbox', { host: '127.0.0.1', port: server.port, protocol: 'http', maxNetworkRetries: 0 });
});
afterAll(async () => {
  await server.close();
  rmSync(dataDir, { recursive: true });
});
test('charge', async () => {
  const intent = await stripe.paymentIntents.create({
    amount: 5000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, setup_future_usage: 'off_session',
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' }, error_on_requires_action: true,
    metadata: { donation_id: 'don_1' }, expand: ['latest_charge'],
  }, { idempotencyKey: 'k' });
  expect(intent.status).toBe('succeeded');
  expect(intent).toMatchObject({ latest_charge: { payment_method_details: { card: { last4: '4242' } } } });
  const customer = await stripe.customers.create({ email: 'a@b.co', name: 'A' });
  const pm = await stripe.paymentMethods.attach(intent.payment_method as string, { customer: customer.id });
  expect(pm.customer).toBe(customer.id);
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: pm.id } });
  const all = await stripe.paymentIntents.list({ created: { gte: 1 }, expand: ['data.latest_charge'] });
  expect(all.data[0]).toMatchObject({ id: intent.id, latest_charge: { object: 'charge' } });
});
