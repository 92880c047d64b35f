import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { addJob } from '../support/jobs.ts';
import { type System, startSystem } from '../support/system.ts';
import { type Inbox, startInbox } from './harness.ts';

const SECRET = 'Zq8sVn5tPw3xKd7rZq8sVn5tPw3xKd7r';
let system: System;
let inbox: Inbox;
let names: string[];
beforeAll(async () => {
  inbox = await startInbox();
  const dead = await startInbox();
  await dead.close();
  const { port } = new URL(dead.url);
  const http = (base: string) => [
    { via: 'slack', url: `${base}/services/${SECRET}` },
    { via: 'webhook', url: `${base}/${SECRET}?key=${SECRET}`, secret: SECRET },
    { via: 'pagerduty', url: `${base}/enqueue`, routingKey: SECRET },
  ];
  const routes = [
    ...http(inbox.url),
    ...http(dead.url),
    { via: 'smtp', to: ['ops@example.org'], server: `smtp://me:${SECRET}@127.0.0.1:${port}` },
    { via: 'command', command: ['/no/such/pager', SECRET] },
  ].map((route, i) => ({ name: `r${i}`, ...route }));
  names = routes.map(({ name }) => name);
  system = await startSystem({
    DONATIONS_ALERTS_ROUTES: JSON.stringify(routes),
    DONATIONS_LOG_LEVEL: 'trace',
  });
  await addJob(system.db, { state: 'failed' });
});
afterAll(async () => {
  await system.close();
  await inbox.close();
});

it('no route’s secret is in a log, an error or the database, whether it delivers or fails', async () => {
  const worker = system.startWorker();
  // The first three deliver, and then refuse what comes next.
  await worker.until(() => inbox.requests.length >= 3);
  expect(inbox.requests.some(({ body }) => body.includes(SECRET))).toBe(true);
  inbox.answer = 500;
  await addJob(system.db, { state: 'failed', task: 'tokenize_card' });
  await worker.until((lines) =>
    names.every((name) => lines.some(({ msg }) => msg.startsWith(`route ${name} did not take`))),
  );
  expect(await worker.stop()).toBe(0);
  const env = { ...system.env };
  const tests = await Promise.all(names.map((name) => runCli(['alerts', 'test', name], { env })));
  for (const { code } of tests) expect(code).toBe(1);
  const shown = await runCli(['config', 'show', '--json'], { env });
  expect(shown.stdout).toContain('pagerduty');
  const { rows } = await system.db.query('select d::text from donations.alert_deliveries d');
  expect(rows.length).toBeGreaterThan(names.length);
  expect(JSON.stringify([worker.output, tests, shown, rows])).not.toContain(SECRET);
});
