import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openLocalStore } from '../../local/sqlite.ts';
import { Admin } from './admin.ts';
import { drawFate, type Fate, type Faults, type Provider, seededRandom } from './faults.ts';
import type { SandboxAnswer, SandboxRequest } from './http.ts';
import { SendGridDouble } from './sendgrid.ts';
import { readSetting, SANDBOX_SCHEMA } from './state.ts';
import { StripeDouble } from './stripe.ts';
import { StripeDoubleError } from './stripe-errors.ts';
import { IdempotencyKeys } from './stripe-idempotency.ts';

export interface SandboxOptions {
  /** Its state is in `local.sqlite` there. */
  dataDir: string;
  /** 0 for any. */
  port?: number;
  /** The same seed draws the same faults for the same requests. */
  seed?: number;
}

export interface SandboxServer {
  url: string;
  port: number;
  close(): Promise<void>;
}

const MAX_BODY = 10 * 1024 * 1024;
const DRIP_MS = 100;

/**
 * Starts the doubles of Stripe (`/v1`) and SendGrid (`/v3`) on loopback, with their own side door
 * (`/_sandbox`) for faults and the inbox.
 */
export async function startSandbox({ dataDir, port = 0, seed = Date.now() }: SandboxOptions): Promise<SandboxServer> {
  const store = openLocalStore(join(dataDir, 'local.sqlite'), SANDBOX_SCHEMA);
  const random = seededRandom(seed);
  const now = Date.now;
  const stripe = new StripeDouble(store, now);
  const keys = new IdempotencyKeys(store, now);
  const sendgrid = new SendGridDouble(store, now);
  const faults: Record<Provider, Faults> = {
    stripe: readSetting(store, 'faults.stripe') ?? {},
    sendgrid: readSetting(store, 'faults.sendgrid') ?? {},
  };
  const admin = new Admin(store, faults);
  const counters: Record<Provider, { second: number; count: number }> = {
    stripe: { second: 0, count: 0 },
    sendgrid: { second: 0, count: 0 },
  };

  const countThisSecond = (provider: Provider) => {
    const counter = counters[provider];
    const second = Math.floor(now() / 1000);
    if (counter.second !== second) Object.assign(counter, { second, count: 0 });
    counter.count += 1;
    return counter.count;
  };

  /** The provider's own work on a request that was let through. */
  const perform = async (provider: Provider, request: SandboxRequest, fate: Fate): Promise<SandboxAnswer> => {
    if (provider === 'sendgrid') return fate.kind === 'error' ? failure(provider) : sendgrid.handle(request);
    return keys.once(request, async () => {
      if (fate.kind === 'error') return failure(provider);
      await latency(faults.stripe, random);
      const answer = stripe.handle(request);
      // Stripe keeps the 500 that it answered, although the work was done.
      return fate.kind === 'done_then' && fate.then === 'error' ? failure(provider) : answer;
    });
  };

  const serve = async (request: SandboxRequest, response: ServerResponse): Promise<void> => {
    if (request.path.startsWith('/_sandbox/')) return write(response, admin.handle(request));
    const provider = request.path.startsWith('/v1/') ? 'stripe' : 'sendgrid';
    const fate = drawFate(faults[provider], {
      method: request.method,
      now: now(),
      requestsThisSecond: countThisSecond(provider),
      random: random(),
    });
    if (provider === 'sendgrid') await latency(faults.sendgrid, random);
    switch (fate.kind) {
      case 'cut':
        response.destroy();
        return;
      case 'hang':
        return;
      case 'refuse':
        return write(response, refusal(provider, fate.status));
      case 'html':
        return write(response, HTML_ERROR);
      default:
        return deliver(response, fate, await answer(() => perform(provider, request, fate)), provider);
    }
  };

  const server = createServer((message, response) => {
    readRequest(message)
      .then((request) => serve(request, response))
      .catch((error: Error) => write(response, { status: 500, body: { error: { type: 'api_error', message: error.message } } }));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      store.close();
    },
  };
}

async function readRequest(message: IncomingMessage): Promise<SandboxRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY) throw new Error('the request is too large');
    chunks.push(chunk as Buffer);
  }
  const { pathname, searchParams } = new URL(message.url ?? '/', 'http://sandbox');
  return {
    method: message.method ?? 'GET',
    path: pathname,
    query: searchParams,
    headers: message.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

/** A double's refusal is an answer. */
async function answer(work: () => Promise<SandboxAnswer>): Promise<SandboxAnswer> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StripeDoubleError)) throw error;
    return { status: error.status, body: error.body() };
  }
}

/** Writes the answer, or what the fate leaves of it. */
async function deliver(response: ServerResponse, fate: Fate, result: SandboxAnswer, provider: Provider): Promise<void> {
  if (fate.kind !== 'done_then') return write(response, result);
  switch (fate.then) {
    case 'hang':
      return;
    case 'cut':
      response.destroy();
      return;
    case 'error':
      return write(response, result.status >= 500 ? result : failure(provider));
    case 'truncate': {
      const text = serialise(result) || '{"truncated": ';
      response.writeHead(result.status, { ...headersOf(result), 'Content-Length': Buffer.byteLength(text) + 100 });
      response.write(text.slice(0, text.length / 2), () => response.destroy());
      return;
    }
    case 'drip': {
      const text = serialise(result) || ' '.repeat(600);
      response.writeHead(result.status, { ...headersOf(result), 'Content-Length': Buffer.byteLength(text) });
      for (const byte of text) {
        if (response.destroyed) return;
        response.write(byte);
        await wait(DRIP_MS);
      }
      response.end();
    }
  }
}

function write(response: ServerResponse, result: SandboxAnswer): void {
  if (response.destroyed) return;
  response.writeHead(result.status, headersOf(result));
  response.end(serialise(result));
}

const serialise = ({ body }: SandboxAnswer) => (body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));

const headersOf = ({ headers, body }: SandboxAnswer) => ({
  'Content-Type': typeof body === 'string' ? 'text/html' : 'application/json',
  ...headers,
});

async function latency({ latencyMs }: Faults, random: () => number): Promise<void> {
  if (latencyMs) await wait(latencyMs[0] + (latencyMs[1] - latencyMs[0]) * random());
}

const HTML_ERROR: SandboxAnswer = { status: 502, body: '<html><body><h1>502 Bad Gateway</h1></body></html>' };

const failure = (provider: Provider): SandboxAnswer =>
  provider === 'stripe'
    ? { status: 500, body: { error: { type: 'api_error', message: 'Sorry! There was an error while talking to one of our backends.' } } }
    : { status: 500, body: { errors: [{ message: 'Internal Server Error', field: null, help: null }] } };

const WORDS = {
  401: 'The provided authorization grant is invalid, expired, or revoked',
  403: 'access forbidden',
  409: 'There is currently another in-progress request using this Idempotent Key.',
  429: 'too many requests',
  503: 'Service Unavailable',
};

function refusal(provider: Provider, status: keyof typeof WORDS): SandboxAnswer {
  const message = WORDS[status];
  if (provider === 'sendgrid') {
    const reset = Math.floor(Date.now() / 1000) + 1;
    return {
      status,
      headers: status === 429 ? { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(reset) } : {},
      body: { errors: [{ message, field: null, help: null }] },
    };
  }
  const code = { 409: 'idempotency_key_in_use', 429: 'rate_limit', 401: undefined, 403: undefined, 503: undefined }[status];
  const type = status === 409 ? 'idempotency_error' : status === 503 ? 'api_error' : 'invalid_request_error';
  return {
    status,
    headers: status === 429 ? { 'Retry-After': '1' } : {},
    body: { error: { type, message, ...(code ? { code } : {}) } },
  };
}
