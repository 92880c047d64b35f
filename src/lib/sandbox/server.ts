import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { UserError } from '../errors.ts';
import { type LocalStore, takeLock } from '../local/sqlite.ts';
import { type RequestCounts, sandboxAdmin } from './admin.ts';
import { openFaults, PROVIDERS, type Provider } from './faults.ts';
import { type Double, json, type SandboxRequest } from './http.ts';
import { sendgridDouble } from './sendgrid.ts';
import { openSandboxStore } from './store.ts';
import { stripeDouble } from './stripe.ts';
import { idempotencyKeys } from './stripe-idempotency.ts';
import { stripeObjects } from './stripe-objects.ts';
import { openWebhooks } from './webhooks.ts';
import { sendAnswer, spoilAnswer } from './wire.ts';

export interface SandboxOptions {
  /** Its state is in `local.sqlite` there, and outlives the server. */
  dataDir: string;
  /** On loopback; by default any free one. */
  port?: number;
  clock?: Clock;
}

export interface SandboxServer {
  url: string;
  port: number;
  /** Resolves when someone asked it to stop, through the admin interface. */
  stopRequested: Promise<void>;
  close(): Promise<void>;
}

// SendGrid takes 30 MB, Stripe far less.
const MAX_BODY_BYTES = 30 * 1024 * 1024;

/**
 * Starts the doubles in this process: Stripe under /v1/, SendGrid under /v3/, their side door under
 * /_sandbox/. One server a data directory.
 *
 * @throws UserError `try_again` when another process serves this directory; EADDRINUSE when the port is taken
 */
export async function startSandbox(options: SandboxOptions): Promise<SandboxServer> {
  const { dataDir, port = 0, clock = systemClock } = options;
  const now = () => clock.now().getTime();
  mkdirSync(dataDir, { recursive: true });
  const unlock = takeLock(join(dataDir, 'sandbox.lock.sqlite'));
  if (!unlock) throw new UserError('try_again', `a sandbox already runs for ${dataDir}`);

  let store: LocalStore;
  try {
    store = openSandboxStore(dataDir);
  } catch (error) {
    unlock();
    throw error;
  }
  const objects = stripeObjects(store);
  const keys = idempotencyKeys(store, now);
  const faults = openFaults(store, now);
  const webhooks = openWebhooks(store, now);
  const doubles: Record<Provider, Double> = {
    stripe: stripeDouble({ store, objects, keys, now, onEvent: webhooks.stripe }),
    sendgrid: sendgridDouble({ store, now, onEvent: webhooks.sendgrid }),
  };
  const counts = { stripe: counter(), sendgrid: counter() };
  let requestStop = () => {};
  const stopRequested = new Promise<void>((resolve) => {
    requestStop = resolve;
  });
  const admin = sandboxAdmin({
    dataDir,
    store,
    objects,
    keys,
    faults,
    webhooks,
    counts,
    requestStop,
  });

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = message.url ?? '/';
    const at = url.indexOf('?');
    const path = at < 0 ? url : url.slice(0, at);
    const query = at < 0 ? '' : url.slice(at + 1);
    const method = message.method ?? 'GET';
    const request = async (): Promise<SandboxRequest> => ({
      method,
      path,
      query,
      headers: message.headers,
      body: await readBody(message),
    });
    if (path.startsWith('/_sandbox/')) {
      // A web page in the user's browser has no business here.
      if (message.headers.origin !== undefined)
        return sendAnswer(response, json(403, { error: 'not from a web page' }));
      return sendAnswer(response, admin(await request()));
    }
    const provider = providerOf(path);
    if (!provider) return sendAnswer(response, json(404, { error: `nothing is at ${path}` }));

    const count = counts[provider];
    const double = doubles[provider];
    const fate = faults.draw(provider, { method, path });
    count.requests += 1;
    if (fate.kind) count.faults[fate.kind] = (count.faults[fate.kind] ?? 0) + 1;
    // An outage does not even read.
    if (fate.kind === 'down') return void message.socket.resetAndDestroy();
    const whole = await request();
    switch (fate.kind) {
      case 'hangs':
        return;
      case 'resetBeforeProcessing':
        return void message.socket.resetAndDestroy();
      case 'unavailable':
      case 'unauthorized':
      case 'forbidden':
      case 'conflicts':
      case 'rateLimited':
        return sendAnswer(response, double.refuse(fate.kind, fate.retryAfterMs));
    }
    const error =
      fate.kind === 'errors'
        ? 'before'
        : fate.kind === 'errorsAfterProcessing'
          ? 'after'
          : undefined;
    const answer = await double.handle(whole, { latencyMs: fate.latencyMs, error });
    count.statuses[answer.status] = (count.statuses[answer.status] ?? 0) + 1;
    return fate.kind ? spoilAnswer(response, answer, fate.kind) : sendAnswer(response, answer);
  }

  const server = createServer((message, response) => {
    serve(message, response).catch((error: Error) => failure(response, error));
  });
  // Clients keep connections; closing one just as it is used again would be a fault nobody asked for.
  server.keepAliveTimeout = 120_000;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', () => resolve());
    });
  } catch (error) {
    await webhooks.close();
    store.close();
    unlock();
    throw error;
  }
  const bound = (server.address() as AddressInfo).port;
  webhooks.start();
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    stopRequested,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await webhooks.close();
      store.close();
      unlock();
    },
  };
}

const counter = (): RequestCounts => ({ requests: 0, statuses: {}, faults: {} });

function providerOf(path: string): Provider | undefined {
  const [stripe, sendgrid] = PROVIDERS;
  return path.startsWith('/v1/') ? stripe : path.startsWith('/v3/') ? sendgrid : undefined;
}

class BodyTooLarge extends Error {}

function readBody(message: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) reject(new BodyTooLarge('the request body is too large'));
      else chunks.push(chunk);
    });
    message.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    message.on('error', reject);
  });
}

/** A request that could not be read, or a bug of the double's. */
function failure(response: ServerResponse, error: Error): void {
  if (response.headersSent) return void response.destroy();
  const status = error instanceof BodyTooLarge ? 413 : 500;
  const message = `sandbox: ${error.message}`;
  response.setHeader('Connection', 'close');
  // Both providers' shapes at once.
  sendAnswer(
    response,
    json(status, {
      error: { type: 'api_error', message },
      errors: [{ message, field: null, help: null }],
    }),
  );
}
