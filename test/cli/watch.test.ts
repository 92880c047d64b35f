import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDonation } from '../support/records.ts';
import { type System, startSystem } from '../support/system.ts';

const LAUNCHER = new URL('../../bin/donations', import.meta.url).pathname;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.close());

it('list --watch tells of what comes, row by row, and ends at Ctrl-C', async () => {
  const first = await addDonation(system.db);
  const args = ['list', '--watch=50ms', 'status:succeeded', '--json=donation'];
  const child = spawn(process.execPath, [LAUNCHER, ...args], { env: system.env });
  const ended = once(child, 'exit');
  let second: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const { donation } = JSON.parse(line);
    if (donation === second) child.kill('SIGINT');
    else expect(donation).toBe(first);
    second ??= await addDonation(system.db);
  }
  expect(second).toBeDefined();
  expect((await ended)[0]).toBe(0);
});
