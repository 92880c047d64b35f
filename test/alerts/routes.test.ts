import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Incident } from '../../src/lib/alerts/incidents.ts';
import { type AlertMessage, composeMessage, testMessage } from '../../src/lib/alerts/message.ts';
import { reasonOf } from '../../src/lib/alerts/routes/failure.ts';
import { sendBy } from '../../src/lib/alerts/send.ts';
import { sendgridGateway } from '../../src/lib/providers/sendgrid.ts';
import { SandboxClient } from '../../src/lib/sandbox/client.ts';
import { startSandbox } from '../../src/lib/sandbox/server.ts';
import { type Inbox, routesOf, startInbox, watching } from './harness.ts';

let inbox: Inbox;
const dir = mkdtempSync(join(tmpdir(), 'donations-routes-'));
beforeAll(async () => {
  inbox = await startInbox();
});
afterAll(async () => {
  await inbox.close();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  inbox.requests.length = 0;
  inbox.answer = 200;
});

const incident: Incident = {
  id: 'inc_01hzzzzzzzzzzzzzzzzzzzzzzz',
  rule: 'wait',
  kind: 'wait',
  subject: 'send_receipt',
  level: 'critical',
  worst: 'critical',
  value: 720_000,
  more: false,
  peak: 720_000,
  cause: null,
  jobs: 150,
  donors: 142,
  amounts: [{ currency: 'usd', minor: '18000' }],
  openedAt: new Date('2026-11-25T03:00:00Z'),
  closedAt: null,
  lastedMs: 600_000,
  acknowledgedBy: null,
  acknowledgedUntil: null,
  acknowledged: false,
  silenced: false,
  alertedAt: null,
};
const over = { ...incident, closedAt: new Date('2026-11-25T03:10:00Z') };

const wording = { mode: 'live', locale: 'en-US', audience: 'operators' } as const;
const opened = (
  audience: 'operators' | 'business' = 'operators',
  mode: 'live' | 'sandbox' = 'live',
) =>
  composeMessage([{ id: 'alt_1', event: 'opened', level: 'critical', incident }], {
    ...wording,
    audience,
    mode,
  });
const recovered = (audience: 'operators' | 'business' = 'operators') =>
  composeMessage([{ id: 'alt_2', event: 'recovered', level: 'critical', incident: over }], {
    ...wording,
    audience,
  });

const deps = watching([]);
const send = (route: Record<string, unknown>, message: AlertMessage = opened()) => {
  const [given] = routesOf({ name: 'r', ...route });
  if (!given) throw new Error('no route');
  return sendBy(given, message, deps);
};
const failureOf = (work: Promise<void>) => work.then(() => 'none', reasonOf);
const bodies = () => inbox.requests.map(({ body }) => JSON.parse(body));

describe('the words', () => {
  it('for operators say what, since when, whom it affects and what to run', () => {
    expect(opened().title).toBe('CRITICAL: send_receipt oldest ready job waits 12m');
    expect(opened().text.split('\n')).toEqual([
      'CRITICAL: send_receipt oldest ready job waits 12m',
      'since 2026-11-25T03:00:00.000Z (10m)',
      'affected: 150 jobs, 142 donors, $180.00 USD',
      '  donations jobs stats',
      '  donations jobs list --ready --task send_receipt',
      '  donations worker list',
      `  donations alerts show ${incident.id}`,
    ]);
    expect(recovered().text).toContain(
      'lasted 10m, from 2026-11-25T03:00:00.000Z to 2026-11-25T03:10:00.000Z',
    );
  });

  it('for business users are a sentence about donors and money', () => {
    expect(opened('business').title).toBe('Donors are affected: please read');
    expect(opened('business').text).toBe(
      '142 donors ($180.00 USD in gifts) have to wait for a receipt, the longest for 12m. It began 10m ago; the operators know.',
    );
    expect(recovered('business').text).toContain(
      'It is over, after 10m. Up to 142 donors were concerned',
    );
    for (const { text } of [opened('business'), recovered('business')])
      expect(text).not.toMatch(/send_receipt|job|queue|worker|inc_/);
  });

  it('say that it is no real money, and that a test is one', () => {
    expect(opened('operators', 'sandbox').title).toMatch(/^\[SANDBOX\] CRITICAL/);
    expect(testMessage('alt_1', new Date(), wording).text).toMatch(/^This is a test/);
  });
});

describe('webhook', () => {
  it('posts JSON, signed', async () => {
    const secret = 'correct horse battery staple';
    await send({ via: 'webhook', url: inbox.url, secret });
    const [{ headers, body } = { headers: {}, body: '' }] = inbox.requests;
    const [, seconds, signature] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-donations-signature'])) ?? [];
    expect(signature).toBe(createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex'));
    expect(JSON.parse(body)).toMatchObject({
      level: 'critical',
      audience: 'operators',
      alerts: [
        { id: 'alt_1', incident: incident.id, event: 'opened', donors: 142, money: '$180.00 USD' },
      ],
    });
    expect(body).not.toContain(secret);
  });

  it('tells its failure without its address', async () => {
    inbox.answer = 404;
    expect(await failureOf(send({ via: 'webhook', url: `${inbox.url}/hunter2` }))).toBe(
      'answered 404',
    );
    inbox.answer = undefined;
    expect(await failureOf(send({ via: 'webhook', url: `${inbox.url}/hunter2` }))).not.toMatch(
      /hunter2|none/,
    );
  });
});

describe('slack', () => {
  it('posts text in which nothing is a mention', async () => {
    const message = { ...opened(), text: '<!channel> & co' };
    await send({ via: 'slack', url: inbox.url }, message);
    expect(bodies()).toEqual([
      {
        text: ':red_circle: *CRITICAL: send_receipt oldest ready job waits 12m*\n&lt;!channel&gt; &amp; co',
      },
    ]);
    await send({ via: 'slack', url: inbox.url }, recovered());
    expect(bodies()[1].text).toMatch(/^:white_check_mark:/);
  });
});

describe('pagerduty', () => {
  const route = () => ({ via: 'pagerduty', url: inbox.url, routingKey: 'a'.repeat(32) });
  it('triggers, and resolves by the same key', async () => {
    await send(route());
    await send(route(), recovered());
    expect(bodies()).toMatchObject([
      {
        routing_key: 'a'.repeat(32),
        dedup_key: incident.id,
        event_action: 'trigger',
        payload: {
          severity: 'critical',
          source: 'send_receipt',
          timestamp: '2026-11-25T03:00:00.000Z',
        },
      },
      { dedup_key: incident.id, event_action: 'resolve' },
    ]);
  });
  it('leaves nothing open after a test', async () => {
    await send(route(), testMessage('alt_9', new Date(), wording));
    expect(bodies().map(({ event_action }) => event_action)).toEqual(['trigger', 'resolve']);
  });
});

describe('smtp', () => {
  it('hands the mail to a server, for each recipient', async () => {
    const mails: { to: string[]; data: string }[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username, password }, _session, done) =>
        password === 'hunter2' ? done(null, { user: username }) : done(new Error('no')),
      onData(stream, session, done) {
        let data = '';
        stream.on('data', (chunk) => {
          data += chunk;
        });
        stream.on('end', () => {
          mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), data });
          done();
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.server.address() as AddressInfo;
    const to = ['ops@example.org', 'lead@example.org'];
    await send({ via: 'smtp', to, server: `smtp://127.0.0.1:${port}` });
    expect(mails).toMatchObject([{ to }]);
    expect(mails[0]?.data).toContain('Subject: CRITICAL: send_receipt oldest ready job waits 12m');
    expect(mails[0]?.data).toContain('From: Harbor Lights <alerts@harborlights.example>');
    expect(mails[0]?.data).toContain('142 donors');
    await new Promise<void>((resolve) => server.close(resolve));
    const refused = await failureOf(
      send({ via: 'smtp', to, server: `smtp://me:hunter2@127.0.0.1:${port}` }),
    );
    expect(refused).toMatch(/^the mail server did not take it: E/);
    expect(refused).not.toContain('hunter2');
  });
});

describe('sendgrid', () => {
  it('mails each recipient, with a template of its own if there is one', async () => {
    const server = await startSandbox({ dataDir: dir });
    const mail = async () =>
      sendgridGateway({ apiKey: 'SG.sandbox', apiBase: server.url, timeoutMs: 2000 });
    const [route] = routesOf({
      name: 'r',
      via: 'sendgrid',
      to: ['a@example.org', 'b@example.org'],
    });
    if (!route) throw new Error('no route');
    await sendBy(route, opened('business'), { ...deps, mail });
    const mails = await new SandboxClient(server).inbox();
    expect(JSON.stringify(mails)).toContain('a@example.org');
    expect(JSON.stringify(mails)).toContain('b@example.org');
    expect(JSON.stringify(mails)).toContain('Donors are affected: please read');
    await server.close();
    expect(await failureOf(sendBy(route, opened(), { ...deps, mail }))).toBe(
      'SendGrid did not take it: transient',
    );
  });
});

describe('command', () => {
  const script = (text: string) => {
    const path = join(dir, `page-${Math.random()}.mjs`);
    writeFileSync(path, text);
    return ['node', path];
  };

  it('reads the message on its standard input, without our secrets in its environment', async () => {
    const out = join(dir, 'out.json');
    process.env.STRIPE_SECRET_KEY_FOR_TEST = 'hunter2';
    const command = script(
      `import { readFileSync, writeFileSync } from 'node:fs';
       writeFileSync(process.argv[2], JSON.stringify({ message: JSON.parse(readFileSync(0, 'utf8')), env: process.env }));`,
    );
    await send({ via: 'command', command: [...command, out] });
    const { message, env } = JSON.parse(readFileSync(out, 'utf8'));
    expect(message).toMatchObject({ level: 'critical', alerts: [{ id: 'alt_1' }] });
    expect(Object.keys(env)).not.toContain('STRIPE_SECRET_KEY_FOR_TEST');
  });

  it.each([
    [
      'process.stderr.write("SG.secretsecret no pager"); process.exit(3)',
      'the command ended with 3: **** no pager',
    ],
    ['setInterval(() => {}, 1000)', 'the command took longer than 0.4 s'],
  ])('tells how it failed: %s', async (text, why) => {
    expect(await failureOf(send({ via: 'command', command: script(text), timeout: '400ms' }))).toBe(
      why,
    );
  });

  it('that does not exist has failed', async () => {
    expect(await failureOf(send({ via: 'command', command: ['/no/such/pager'] }))).toBe(
      'the command did not start: ENOENT',
    );
  });
});

it('log writes a line for each alert, at its level', async () => {
  await send({ via: 'log' });
  await send({ via: 'log' }, recovered());
  expect(deps.lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 50, incident: incident.id, msg: 'CRITICAL: send_receipt oldest ready job waits 12m' },
    { level: 30, event: 'recovered' },
  ]);
});
