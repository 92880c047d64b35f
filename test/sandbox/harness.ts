import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type client from '@sendgrid/client';
import type sendgrid from '@sendgrid/mail';
import Stripe from 'stripe';
import type { Clock } from '../../src/lib/clock.ts';
import { SandboxClient } from '../../src/lib/sandbox/client.ts';
import { type SandboxServer, startSandbox } from '../../src/lib/sandbox/server.ts';

export type Mailer = typeof sendgrid;

/** A separate sandbox for a test file, and the real clients on it. */
export interface TestSandbox {
  dataDir: string;
  server: SandboxServer;
  admin: SandboxClient;
  stripe: Stripe;
  mailer: Mailer;
  close(): Promise<void>;
}

export const tempDir = () => mkdtempSync(join(tmpdir(), 'sandbox test '));

export async function testSandbox(
  options: { clock?: Clock; timeoutMs?: number } = {},
): Promise<TestSandbox> {
  const dataDir = tempDir();
  const server = await startSandbox({ dataDir, ...options });
  return {
    dataDir,
    server,
    admin: new SandboxClient(server),
    stripe: stripeOn(server, options.timeoutMs),
    mailer: mailerOn(server, options.timeoutMs),
    async close() {
      await server.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

export function stripeOn(
  { port }: { port: number },
  timeoutMs = 5000,
  key = 'sk_test_sandbox',
): Stripe {
  return new Stripe(key, {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    // One call is one request: on node:http the SDK repeats requests on closed connections.
    httpClient: Stripe.createFetchHttpClient(),
    telemetry: false,
  });
}

export function mailerOn({ url }: { url: string }, timeoutMs = 5000, key = 'SG.sandbox'): Mailer {
  const require = createRequire(import.meta.url);
  const { MailService } = require('@sendgrid/mail') as { MailService: new () => Mailer };
  const { Client } = require('@sendgrid/client') as { Client: new () => typeof client };
  const api = new Client();
  const mailer = new MailService();
  mailer.setClient(api);
  mailer.setApiKey(key);
  // Must follow setApiKey, which resets the base URL.
  api.setDefaultRequest('baseUrl', url);
  mailer.setTimeout(timeoutMs);
  return mailer;
}

/** The parameters that the gateway sends for a charge. */
export const chargeParams = (
  extra: Partial<Stripe.PaymentIntentCreateParams> = {},
): Stripe.PaymentIntentCreateParams => ({
  amount: 5000,
  currency: 'usd',
  payment_method: 'pm_card_visa',
  confirm: true,
  setup_future_usage: 'off_session',
  automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
  error_on_requires_action: true,
  ...extra,
});

export const mail = (extra: Record<string, unknown> = {}) =>
  ({
    to: 'donor@example.org',
    from: { email: 'gifts@example.org', name: 'Gifts' },
    subject: 'Your receipt',
    text: 'Thank you.',
    html: '<p>Thank you.</p>',
    ...extra,
  }) as Parameters<Mailer['send']>[0];

/** The error of a rejected promise. */
export async function failureOf(
  promise: Promise<unknown>,
): Promise<Record<string, unknown> & Error> {
  try {
    await promise;
  } catch (error) {
    return error as Record<string, unknown> & Error;
  }
  throw new Error('it did not fail');
}
