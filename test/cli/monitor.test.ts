import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { addJob } from '../support/jobs.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ LANG: 'C.UTF-8' });
  await addJob(system.db, { state: 'failed', error: 'hostile \u001b[2J\u0007 text' });
});
afterAll(() => system.close());

const run = (...args: string[]) => runCli(['monitor', ...args], { env: system.env });

it('off a terminal says what works there', async () => {
  const { code, stdout, stderr } = await run();
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('needs a terminal');
  expect(stderr).toContain('donations monitor --once');
  expect(stderr).toContain('donations monitor --json');
});

it('prints one frame of the size that is asked for', async () => {
  const { code, stdout } = await run('--once', '--width', '90', '--height', '26');
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(26);
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(90);
  expect(lines[0]).toMatch(/^donations {2}SANDBOX {2}overview/);
  expect(lines[1]).toContain('no worker runs');
  expect(stdout).not.toContain('\u001b');
});

it('writes what it shows as JSON, all of it or some', async () => {
  const all = JSON.parse((await run('--json')).stdout);
  expect(Object.keys(all)).toEqual([
    'at',
    'took_ms',
    'health',
    'tasks',
    'workers',
    'events',
    'alerts',
    'history',
  ]);
  expect(all.health.level).toBe('warning');
  const { code, stdout } = await run('--json=health');
  expect(code).toBe(0);
  expect(Object.keys(JSON.parse(stdout))).toEqual(['health']);
  const wrong = await run('--json=nope');
  expect(wrong.code).toBe(2);
  expect(JSON.parse(wrong.stderr).error.hint).toContain('health, tasks');
});

it.each([
  [['--width', '100'], /--once/],
  [['--once', '--width', 'wide'], /whole number/],
])('refuses %j', async (args, reason) => {
  const { code, stderr } = await run(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(reason);
});
