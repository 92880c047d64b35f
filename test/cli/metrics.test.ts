import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../src/lib/db/database.ts';
import { createMetrics } from '../../src/lib/metrics/metrics.ts';
import { createQueueLook } from '../../src/lib/metrics/queue-look.ts';
import { donateInBackground } from '../support/donate.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem, type TestWorker } from '../support/system.ts';

let system: System;
let worker: TestWorker;
let url: string;
beforeAll(async () => {
  system = await startSystem();
  await addJob(system.db, { state: 'failed', task: 'tokenize_card' });
  await system.db.query(
    `insert into donations.task_pauses (task, cause, reason, since)
     values ('settle_donation', 'operator', 'moving', now())`,
  );
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
const path = (name: string) => new URL(`../../docs/${name}`, import.meta.url).pathname;

/** Prometheus's own checker (Debian: prometheus); without it these tests are skipped. */
const promtool = spawnSync('promtool', ['--version']).status === 0;
const dir = mkdtempSync(join(tmpdir(), 'donations-promtool-'));
afterAll(() => rmSync(dir, { recursive: true }));

function check(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

function dashboardQueries(): string[] {
  const { panels } = JSON.parse(readFileSync(path('grafana-dashboard.json'), 'utf8'));
  return panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );
}

function ruleQueries(): string[] {
  const text = readFileSync(path('prometheus-rules.yml'), 'utf8');
  // `expr: …` on one line, or `expr: |` and lines that are indented further.
  return [...text.matchAll(/^ {8}expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/gm)].map(([, block, line]) =>
    (block ?? line ?? '').trim(),
  );
}

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
    let looks = 0;
    const db: Db = {
      ...system.db,
      transaction: (work, limits) => {
        looks += 1;
        return system.db.transaction(work, limits);
      },
    };
    const metrics = createMetrics({
      ...{ db, queue: createQueueLook(db), version: 'test', mode: 'sandbox' },
    });
    const texts = await Promise.all(Array.from({ length: 50 }, () => metrics.scrape()));
    for (const text of texts) expect(text).toMatch(/^donations_queue_up 1$/m);
    expect(looks).toBe(1);
    const scrapes = await Promise.all(Array.from({ length: 50 }, () => get('/metrics')));
    expect(scrapes.every(({ status }) => status === 200)).toBe(true);
  });

  it('says that it is alive and ready', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, text: 'alive\n' });
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ready\n' });
    expect((await get('/other')).status).toBe(404);
  });

  it('has the calls of providers and the connections to Postgres', async () => {
    const { text } = await get('/metrics');
    expect(text).toMatch(
      /^donations_provider_call_duration_seconds_count\{provider="sendgrid",operation="send",outcome="ok"\} 1$/m,
    );
    expect(text).toMatch(/^donations_db_connections\{state="waiting"\} 0$/m);
  });

  it('has every metric of every query of the dashboard and of the rules, with its labels', async () => {
    const { text } = await get('/metrics');
    const queries = [...dashboardQueries(), ...ruleQueries()];
    expect(queries.length).toBeGreaterThan(18);
    for (const query of queries) {
      const named = query.match(/\b(?:donations|process|nodejs)_[a-z_]+\b/g) ?? [];
      expect(named, query).not.toEqual([]);
      for (const metric of named) {
        const base = metric.replace(/_(bucket|sum|count)$/, '');
        expect(text, `${query}: ${metric}`).toMatch(new RegExp(`^# TYPE ${base} `, 'm'));
      }
      const labels = [
        ...[...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */)),
        ...[...query.matchAll(/([a-z_]+)(?:=~|!=|=)"/g)].map(([, label = '']) => label),
      ];
      // The scrape has a pause, so that every gauge has a series.
      const series = text.split('\n').filter((line) => named.some((name) => line.startsWith(name)));
      for (const label of labels)
        expect(
          series.some((line) => line.includes(`${label}="`)),
          `${query}: ${label}`,
        ).toBe(true);
    }
  });
});

describe.skipIf(!promtool)('promtool', () => {
  it('accepts the rules', () => {
    const checked = check(['check', 'rules', path('prometheus-rules.yml')]);
    expect(checked).toMatchObject({ status: 0, stderr: '' });
    expect(checked.stdout).toContain(`SUCCESS: ${ruleQueries().length} rules found`);
  });

  it('finds no fault with the metrics', async () => {
    const { text } = await get('/metrics');
    // Prometheus names what Node's own metrics do otherwise; these are prom-client's.
    const own = text.split('\n').filter((line) => /^(# \w+ )?donations_/.test(line));
    expect(check(['check', 'metrics'], `${own.join('\n')}\n`)).toMatchObject({
      ...{ status: 0, stdout: '', stderr: '' },
    });
  });

  it.each(dashboardQueries())('accepts the query of the dashboard: %s', (query) => {
    const rules = join(dir, 'rules.yml');
    const expr = query.replaceAll('$__rate_interval', '5m');
    // JSON is YAML.
    const rule = { record: 'donations:query', expr };
    writeFileSync(rules, JSON.stringify({ groups: [{ name: 'dashboard', rules: [rule] }] }));
    expect(check(['check', 'rules', rules])).toMatchObject({ status: 0, stderr: '' });
  });
});
