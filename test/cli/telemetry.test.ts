import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startInbox } from '../alerts/harness.ts';
import { runCli } from '../support/cli.ts';
import { type Collector, type ReceivedSpan, startCollector } from '../support/collector.ts';
import { donateNow } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';
import { post, startListener, stripeHeaders } from '../webhooks/harness.ts';

let system: System;
let collector: Collector;
beforeAll(async () => {
  [system, collector] = await Promise.all([startSystem(), startCollector()]);
});
afterAll(async () => {
  await system.close();
  await collector.close();
});

const DONOR = { name: 'Zsuzsanna Quill', email: 'zquill@example.org' };
const donate = (env: NodeJS.ProcessEnv, ...more: string[]) =>
  runCli(
    [
      ...['donate', '--amount', '50', '--currency', 'usd', '--payment-method', 'pm_card_visa'],
      ...['--email', DONOR.email, '--name', DONOR.name, '--json=id,status', '--yes', ...more],
    ],
    { env: { ...system.env, ...env } },
  );
const traced = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_METRIC_EXPORT_INTERVAL: '500',
});

/** The spans below one, each as "name" or "name > child". */
function tree(spans: ReceivedSpan[], parent: string | undefined): string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .flatMap(({ name, spanId }) => [
      name,
      ...tree(spans, spanId).map((child) => `${name} > ${child}`),
    ])
    .sort();
}

const TRACE = 'ab'.repeat(16);
const CALLER = 'cd'.repeat(8);

describe('with OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  it('one trace leads from the donation over its jobs to the calls of providers', async () => {
    const env = { ...traced(), TRACEPARENT: `00-${TRACE}-${CALLER}-01` };
    const { code, stdout, stderr } = await donate(env, '--background');
    expect(stderr).not.toMatch(/collector/);
    expect(code).toBe(0);
    const { id } = JSON.parse(stdout);
    const worker = system.startWorker({ env: traced() });
    const done = () => {
      const found = collector.spans.filter(({ traceId }) => traceId === TRACE);
      return found.filter(({ name }) => name.startsWith('job ')).length === 3 ? found : undefined;
    };
    await collector.until(() => done() !== undefined);
    const spans = done() ?? [];
    const below = (job: string, ...calls: string[]) => [
      ...[`donate > job charge_card > ${job}`],
      ...calls.map((call) => `donate > job charge_card > ${job} > ${call}`),
    ];
    expect(tree(spans, CALLER)).toEqual(
      [
        'donate',
        'donate > job charge_card',
        'donate > job charge_card > stripe createPayment',
        'donate > job charge_card > stripe confirmPayment',
        ...below('job tokenize_card', 'stripe createCustomer', 'stripe attachCard'),
        ...below('job send_receipt', 'sendgrid send'),
      ].sort(),
    );
    for (const { name, attributes } of spans.filter((span) => span.name.startsWith('job ')))
      expect(attributes, name).toMatchObject({
        'donations.donation': id,
        'donations.outcome': 'succeeded',
        'donations.attempt': expect.anything(),
      });
    // The key of a job is as without telemetry, so it still ends another job of the same work.
    const { rows } = await system.db.query('select key from graphile_worker.jobs');
    for (const { key } of rows) expect(key).not.toContain(TRACE);
    await collector.until(() => collector.metrics.has('donations.provider.call.duration'));
    await collector.until(() => (collector.metrics.get('donations.jobs') ?? []).length > 0);
    expect(collector.metrics.get('donations.provider.call.duration')).toContainEqual({
      ...{ provider: 'sendgrid', operation: 'send', outcome: 'ok' },
    });
    expect(collector.metrics.get('donations.attempt.duration')).toContainEqual({
      ...{ task: 'send_receipt', outcome: 'succeeded' },
    });
    expect(collector.metrics.get('donations.workers_alive')).toEqual([{}]);
    expect(await worker.stop()).toBe(0);
  });

  it('a failed call is an error with its class; what ends with the worker is sent', async () => {
    await system.sandbox.setFaults('sendgrid', { unavailable: true, count: 1 });
    const { stdout } = await donate(traced());
    const { id } = JSON.parse(stdout);
    const worker = system.startWorker({ env: traced() });
    await worker.until((lines) =>
      lines.some(({ task, donation }) => task === 'send_receipt' && donation === id),
    );
    expect(await worker.stop()).toBe(0);
    const failed = collector.spans.find(
      ({ name, status }) => name === 'sendgrid send' && status.code === 2,
    );
    expect(failed?.attributes).toMatchObject({
      'error.type': 'transient',
      'http.response.status_code': 503,
    });
    const job = collector.spans.find(({ spanId }) => spanId === failed?.parentSpanId);
    expect(job).toMatchObject({ name: 'job send_receipt', status: { code: 2 } });
    expect(job?.attributes).toMatchObject({
      'donations.donation': id,
      'donations.outcome': 'retry',
      'error.type': 'transient',
    });
  });

  it('nothing of donors, keys or mails is sent', () => {
    const all = collector.bodies.join('\n');
    expect(all).toContain('sendgrid send');
    for (const secret of [DONOR.email, 'zquill', 'Zsuzsanna', 'Quill', 'sk_test', 'SG.', 'pm_card'])
      expect(all).not.toContain(secret);
  });

  it('an endpoint that is no URL is refused', async () => {
    expect(await donate({ OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' })).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL'),
    });
  });
});

/** The jobs of these spans, each after the span that its trace begins with. */
function jobsByOrigin(spans: ReceivedSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const originOf = (span: ReceivedSpan): ReceivedSpan => {
    const parent = byId.get(span.parentSpanId ?? '');
    return parent ? originOf(parent) : span;
  };
  const jobs = spans.filter(({ name }) => name.startsWith('job '));
  return jobs.map((job) => `${originOf(job).name} > ${job.name}`).sort();
}

describe('a trace begins with whatever adds a job', () => {
  let mine: Collector;
  let folder: string;
  const cli = async (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const to = { OTEL_EXPORTER_OTLP_ENDPOINT: mine.url };
    const ended = await runCli(args, { env: { ...system.env, ...to, ...env }, cwd: folder });
    expect(ended.code, `${args.join(' ')}: ${ended.stderr}`).toBe(0);
    return ended.stdout;
  };
  /** Runs the due jobs, and says which ran and what their traces began with. */
  const origins = async (...args: string[]) => {
    await cli(['worker', 'start', '--once', ...args]);
    return jobsByOrigin(mine.spans);
  };
  beforeAll(async () => {
    // What other tests have left, such as a retry that is not due yet.
    await system.db.query(
      'select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs having count(*) > 0',
    );
    folder = mkdtempSync(join(tmpdir(), 'donations-traces-'));
    await chmod(folder, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    mine = await startCollector();
  });
  afterEach(() => mine.close());

  it('an import, and a push of gifts that were taken offline', async () => {
    writeFileSync(
      join(folder, 'gifts.csv'),
      'gift_date,amount,currency,method,donor_name,donor_email\n2026-11-02,25.00,USD,check,Ada,ada@example.org\n',
    );
    const batch = JSON.parse(
      await cli(['import', 'offline', 'gifts.csv', '--receipts', '--yes', '--json']),
    );
    expect(await origins()).toEqual(['import commit > job send_receipt']);
    expect(mine.spans.find(({ name }) => name === 'import commit')?.attributes).toEqual({
      'donations.batch': batch.batch,
    });
    const bo = ['--method', 'cash', '--name', 'Bo', '--email', 'bo@example.org'];
    await cli(['offline', 'add', '--amount', '5', '--currency', 'usd', ...bo]);
    await cli(['offline', 'push', '--receipts']);
    expect(await origins()).toContain('offline push > job send_receipt');
  });

  it('a command for one receipt, and one for many', async () => {
    await system.sandbox.setFaults('sendgrid', { timeouts: true, count: 1, path: 'POST' });
    const { id } = await donateNow(system.deps, gift());
    await system.startWorker({ args: ['--once'] }).ended;
    const trace = `00-${TRACE}-${CALLER}-01`;
    await cli(['receipts', 'replay', '--held', '--include-held', '--yes'], { TRACEPARENT: trace });
    expect(await origins()).toEqual(['receipts replay > job send_receipt']);
    expect(new Set(mine.spans.map(({ traceId }) => traceId))).toContain(TRACE);
    await cli(['receipts', 'resend', id]);
    expect(await origins()).toContain('receipts resend > job send_receipt');
  });

  it('an event of a provider', async () => {
    const { stdout } = await donate({}, '--background');
    const { id } = JSON.parse(stdout);
    const to = { OTEL_EXPORTER_OTLP_ENDPOINT: mine.url };
    const listener = await startListener({ ...system.env, ...to });
    const payment = { id: 'pi_1', object: 'payment_intent', metadata: { donation_id: id } };
    const event = { id: 'evt_1', type: 'payment_intent.processing', data: { object: payment } };
    const body = JSON.stringify(event);
    const { stripeSecret } = await system.sandbox.webhooks();
    expect(await post(listener.stripeUrl, body, stripeHeaders(stripeSecret, body))).toBe(200);
    expect(await post(listener.stripeUrl, body)).toBe(401);
    expect(await listener.stop()).toBe(0);
    const requests = mine.spans.filter(({ name }) => name === 'webhook /webhooks/stripe');
    expect(requests.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([
      200, 401,
    ]);
    expect(await origins('--tasks', 'settle_donation')).toContain(
      'webhook /webhooks/stripe > job settle_donation',
    );
    await system.startWorker({ args: ['--once'] }).ended;
  });

  it('the demo: each donation has a trace of its own', async () => {
    const env = { PATH: process.env.PATH, HOME: folder, DONATIONS_DATA_DIR: folder };
    const all = { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: mine.url };
    const { code, stderr } = await runCli(['demo', '--count', '3', '--exit'], { env: all });
    expect(code, stderr).toBe(0);
    await runCli(['stop'], { env });
    const given = mine.spans.filter(({ name }) => name === 'donate');
    expect(new Set(given.map(({ traceId }) => traceId)).size).toBe(3);
    for (const { attributes } of given) expect(attributes['donations.donation']).toMatch(/^don_/);
    for (const job of jobsByOrigin(mine.spans)) expect(job).toMatch(/^donate > job /);
  }, 120_000);
});

describe('a collector that does not answer', () => {
  let deaf: Server;
  let url: string;
  const sockets = new Set<Socket>();
  beforeAll(async () => {
    deaf = createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(deaf.address() as { port: number }).port}`;
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    deaf.close();
  });

  it('stops neither a donation nor a worker', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
    const { code, stdout } = await donate(env);
    expect(code).toBe(0);
    const { id, status } = JSON.parse(stdout);
    expect(status).toBe('succeeded');
    expect(sockets.size).toBeGreaterThan(0);
    const worker = system.startWorker({ env });
    await worker.until((lines) =>
      lines.some(({ outcome, donation }) => outcome === 'succeeded' && donation === id),
    );
    expect(await worker.stop()).toBe(0);
  });
});

describe('a collector that refuses', () => {
  it('is logged once for traces and once for metrics, without the header that it refuses', async () => {
    const refusing = await startInbox();
    refusing.answer = 401;
    await donate({}, '--background');
    const worker = system.startWorker({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: refusing.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'api-key=hunter2',
        OTEL_METRIC_EXPORT_INTERVAL: '200',
      },
    });
    const said = (what: string) =>
      worker.lines.filter(
        ({ msg }) => msg === `the OpenTelemetry collector does not take ${what}: it answered 401`,
      ).length;
    await worker.until(() => said('traces') > 0 && refusing.requests.length > 5);
    expect(await worker.stop()).toBe(0);
    expect(refusing.requests[0]?.headers['api-key']).toBe('hunter2');
    expect([said('traces'), said('metrics')]).toEqual([1, 1]);
    expect(worker.output).not.toContain('hunter2');
    await refusing.close();
  });
});

describe('loading', () => {
  const hook = new URL('../support/print-modules.mjs', import.meta.url).href;
  const loaded = async (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const { stderr } = await runCli(args, {
      env: { ...system.env, ...env, NODE_OPTIONS: `--import ${hook}` },
    });
    return /^loaded: (.*)$/m.exec(stderr)?.[1] ?? '';
  };

  it('of OpenTelemetry is left out without an endpoint', async () => {
    const worker = await loaded(['worker', 'start', '--once']);
    expect(worker).toContain('graphile-worker');
    expect(worker).not.toContain('opentelemetry');
    expect(await loaded(['--version'], traced())).not.toContain('opentelemetry');
    expect(await loaded(['health'], traced())).not.toContain('opentelemetry');
    expect(await loaded(['worker', 'start', '--once'], traced())).toContain('@opentelemetry/api');
    const off = { ...traced(), OTEL_SDK_DISABLED: 'true' };
    expect(await loaded(['worker', 'start', '--once'], off)).not.toContain('opentelemetry');
  });
});
