import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { donateInBackground } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem, type TestWorker } from '../support/system.ts';

let system: System;
let worker: TestWorker;
let url: string;
beforeAll(async () => {
  system = await startSystem();
  await addJob(system.db, { state: 'failed', task: 'tokenize_card' });
  await donateInBackground(system.deps, gift());
  worker = system.startWorker({ args: ['--metrics-port', '0'] });
  await worker.until(async () => {
    const { rows } = await system.db.query(
      `select 1 from donations.job_attempts where task = 'send_receipt'`,
    );
    return rows.length > 0;
  });
  const [, found] = /"url":"(http:\/\/127\.0\.0\.1:\d+)\/metrics"/.exec(worker.output) ?? [];
  url = found ?? '';
});
afterAll(() => system.close());

const get = async (path: string) => {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, text: await response.text() };
};
const file = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

describe('worker start --metrics-port', () => {
  it('serves what the worker did and how the queue is, on loopback', async () => {
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/^donations_queue_up 1$/m);
    expect(text).toMatch(/^donations_jobs\{task="tokenize_card",state="failed"\} 1$/m);
    expect(text).toMatch(/^donations_workers_alive 1$/m);
    expect(text).toMatch(/^donations_attempts_total\{task="charge_card",outcome="succeeded"\} 1$/m);
    expect(text).toMatch(/^donations_build_info\{version="[\d.]+",mode="sandbox"\} 1$/m);
    expect(text).toMatch(/^process_cpu_seconds_total/m);
  });

  it('asks Postgres once for all who scrape', async () => {
    const asked = async () => {
      const { rows } = await system.db.query<{ calls: number }>(
        `select coalesce(sum(xact_commit), 0)::int as calls from pg_stat_database where datname = current_database()`,
      );
      return rows[0]?.calls ?? 0;
    };
    await get('/metrics');
    const before = await asked();
    const scrapes = await Promise.all(Array.from({ length: 50 }, () => get('/metrics')));
    expect(scrapes.every(({ status }) => status === 200)).toBe(true);
    // Its own work goes on meanwhile; 50 looks would be 150 transactions.
    expect((await asked()) - before).toBeLessThan(50);
  });

  it('says that it is alive and ready', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, text: 'alive\n' });
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ready\n' });
    expect((await get('/other')).status).toBe(404);
  });

  it('has every metric that the dashboard and the rules of Prometheus name', async () => {
    const { text } = await get('/metrics');
    for (const name of ['grafana-dashboard.json', 'prometheus-rules.yml']) {
      const named = new Set(file(name).match(/\b(donations|process|nodejs)_[a-z_]+\b/g));
      expect(named.size, name).toBeGreaterThan(3);
      for (const metric of named) {
        const base = metric.replace(/_(bucket|sum|count)$/, '');
        expect(text, `${name}: ${metric}`).toMatch(new RegExp(`^# TYPE ${base} `, 'm'));
      }
    }
    JSON.parse(file('grafana-dashboard.json'));
  });
});
