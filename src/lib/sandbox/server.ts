import { mkdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { UserError } from '../errors.ts';
import {
  BodyTooLarge,
  type HttpAnswer,
  type HttpRequest,
  type HttpServer,
  json,
  startHttpServer,
} from '../http/server.ts';
import { type LocalStore, takeLock } from '../local/sqlite.ts';
import { type RequestCounts, sandboxAdmin } from './admin.ts';
import type { Double, SandboxRequest } from './double.ts';
import { type Fate, openFaults, type Provider } from './faults.ts';
import { heldRequests } from './held-requests.ts';
import { holdsSecret, newSecret } from './secret.ts';
import { sendgridDouble } from './sendgrid.ts';
import { openSandboxStore } from './store.ts';
import { stripeDouble } from './stripe.ts';
import { idempotencyKeys } from './stripe-idempotency.ts';
import { stripeObjects } from './stripe-objects.ts';
import { openWebhooks } from './webhooks.ts';
import { spoilAnswer } from './wire.ts';

export interface SandboxOptions {
  /** The directory of `local.sqlite`, which stores the state. */
  dataDir: string;
  /** The port on loopback; any free one by default. */
  port?: number;
  clock?: Clock;
}

export interface SandboxServer {
  url: string;
  port: number;
  /** For `SandboxClient`; also stored in `sandbox.secret` in the data directory. */
  secret: string;
  /** Resolves when the admin interface receives a stop request. */
  stopRequested: Promise<void>;
  close(): Promise<void>;
}

// SendGrid accepts 30 MB, Stripe much less.
const MAX_BODY_BYTES = 30 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 300_000;
// Long, because closing an idle connection just as a client sends would be a fault without a rule.
const KEEP_ALIVE_MS = 120_000;

/**
 * Starts the doubles in this process: Stripe under /v1/, SendGrid under /v3/, the admin interface
 * under /_sandbox/. Each data directory has at most one server.
 *
 * @throws UserError `try_again` when another process serves this directory; EADDRINUSE when the
 *   port is in use
 */
export async function startSandbox(options: SandboxOptions): Promise<SandboxServer> {
  const { dataDir, port = 0, clock = systemClock } = options;
  const now = () => clock.now().getTime();
  mkdirSync(dataDir, { recursive: true });
  const unlock = takeLock(join(dataDir, 'sandbox.lock.sqlite'));
  if (!unlock) throw new UserError('try_again', `a sandbox is running already for ${dataDir}`);

  let store: LocalStore;
  let secret: string;
  try {
    store = openSandboxStore(dataDir);
    secret = newSecret(dataDir);
  } catch (error) {
    unlock();
    throw error;
  }
  const objects = stripeObjects(store);
  const keys = idempotencyKeys(store, now);
  const faults = openFaults(store, now);
  const held = heldRequests();
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
    held,
    webhooks,
    doubles,
    counts,
    requestStop,
  });

  async function serve(
    request: HttpRequest,
    response: ServerResponse,
  ): Promise<HttpAnswer | undefined> {
    if (request.path.startsWith('/_sandbox/')) {
      // Web pages in the user's browser and other users of the machine must not use it.
      if (request.headers.origin !== undefined)
        return json(403, { error: 'requests from web pages are refused' });
      if (!holdsSecret(request.headers.authorization, secret)) {
        return json(401, { error: 'the secret is missing or wrong' });
      }
      return admin(await whole(request));
    }
    const provider = providerOf(request.path);
    if (!provider) return json(404, { error: `nothing is at ${request.path}` });
    const fate = faults.draw(provider, request);
    const count = counts[provider];
    count.requests += 1;
    if (fate.kind) count.faults[fate.kind] = (count.faults[fate.kind] ?? 0) + 1;
    return suffer(provider, fate, request, response);
  }

  async function suffer(
    provider: Provider,
    fate: Fate,
    unread: HttpRequest,
    response: ServerResponse,
  ): Promise<HttpAnswer | undefined> {
    const cut = () => response.socket?.resetAndDestroy();
    // In an outage the request is not read.
    if (fate.kind === 'down') return void cut();
    const request = await whole(unread);
    const carryOut = async (error?: 'before' | 'after') => {
      const answer = await doubles[provider].handle(request, { latencyMs: fate.latencyMs, error });
      const { statuses } = counts[provider];
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      return answer;
    };
    switch (fate.kind) {
      case undefined:
        return carryOut();
      case 'hangs':
        return undefined;
      case 'resetBeforeProcessing':
        return void cut();
      case 'late':
      case 'lateAfterReset': {
        const { method, path } = request;
        held.hold({ provider, method, path }, fate.lateMs, () => carryOut());
        if (fate.kind === 'lateAfterReset') cut();
        return undefined;
      }
      case 'unavailable':
      case 'unauthorized':
      case 'forbidden':
      case 'conflicts':
      case 'rateLimited':
        return doubles[provider].refuse(fate.kind, fate.retryAfterMs);
      case 'errors':
        return carryOut('before');
      case 'errorsAfterProcessing':
        return carryOut('after');
      default:
        return spoilAnswer(response, await carryOut(), fate.kind);
    }
  }

  let server: HttpServer;
  try {
    server = await startHttpServer({
      host: '127.0.0.1',
      port,
      serve,
      failure,
      maxBodyBytes: MAX_BODY_BYTES,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      keepAliveMs: KEEP_ALIVE_MS,
      // Faults keep some requests open for ever.
      closePatienceMs: 0,
    });
  } catch (error) {
    await webhooks.close();
    store.close();
    unlock();
    throw error;
  }
  webhooks.start();
  return {
    url: server.url,
    port: server.port,
    secret,
    stopRequested,
    async close() {
      held.drop();
      await server.close();
      await webhooks.close();
      store.close();
      unlock();
    },
  };
}

const counter = (): RequestCounts => ({ requests: 0, statuses: {}, faults: {} });

function providerOf(path: string): Provider | undefined {
  return path.startsWith('/v1/') ? 'stripe' : path.startsWith('/v3/') ? 'sendgrid' : undefined;
}

const whole = async (request: HttpRequest): Promise<SandboxRequest> => ({
  ...request,
  body: (await request.body()).toString('utf8'),
});

/** The answer when a request cannot be read, or a double has a bug. */
function failure(error: unknown): HttpAnswer {
  const message = `sandbox: ${error instanceof Error ? error.message : String(error)}`;
  // The body has the error fields of both Stripe and SendGrid.
  return json(error instanceof BodyTooLarge ? 413 : 500, {
    error: { type: 'api_error', message },
    errors: [{ message, field: null, help: null }],
  });
}
