import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { hintsIn, mentionsIn, paste } from '../support/hints.ts';
import { addJob } from '../support/jobs.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
/** What each command printed. */
const printed: { line: string; text: string; said: string }[] = [];

const cli = async (...args: string[]): Promise<CliResult> => {
  const result = await runCli(args, { env: { ...system.env, DONATIONS_ACTOR: 'grace' } });
  printed.push({
    line: args.join(' '),
    text: `${result.stdout}\n${result.stderr}`,
    said: result.stderr,
  });
  return result;
};

/** A day at the desk: everything that prints a hint. */
beforeAll(async () => {
  system = await startSystem();
  const { db } = system;
  await cli('worker', 'list');
  await system.sandbox.setFaults('sendgrid', { path: 'POST', timeouts: true, count: 2 });
  const { id } = await donateNow(system.deps, gift());
  await donateNow(system.deps, gift({ name: 'Ada "$(touch /tmp/pasted)" King' }));
  await cli('worker', 'start', '--once');
  await cli('show', id);
  await cli('show', 'ada@example.org');
  await cli('show', 'lovelace');
  await cli('donors', 'show', 'ada');
  const story = JSON.parse((await cli('show', id, '--json')).stdout);
  const { number } = story.receipts[0];
  await cli('jobs', 'show', story.jobs[0].job);
  await cli('receipts', 'resolve', number);
  await cli('receipts', 'resolve', number, '--sent');
  await cli('receipts', 'resolve', number, '--sent');
  await cli('receipts', 'resend', number);
  await cli('receipts', 'resend', number);
  const failed = [];
  for (let i = 0; i < 3; i++)
    failed.push(await addJob(db, { state: 'failed', error: "it's $(broken) `now`; rm -rf /" }));
  const running = await addJob(db, { state: 'running' });
  const retrying = await addJob(db, { state: 'retrying' });
  await cli('list', '--limit', '1', '--donor', 'ada');
  await cli('jobs', 'list', 'error:~"$(broken)"', '--limit', '1');
  for (const job of [failed[0] as string, running, retrying]) await cli('jobs', 'show', job);
  await cli('jobs', 'errors');
  await cli('jobs', 'discard', failed[0] as string, '--yes');
  await cli('jobs', 'show', failed[0] as string);
  const [{ audit: discard }] = JSON.parse((await cli('audit', '--json')).stdout);
  await cli('audit', 'show', discard);
  await cli('jobs', 'restore', discard);
  await cli('jobs', 'retry', '--failed', '--spread', '1h', '--yes');
  await cli('jobs', 'retry', '--failed');
  await cli('jobs', 'recall', 'aud_nothing');
  await cli('jobs', 'restore', 'aud_nothing');
  await cli('jobs', 'pause', 'send_receipt', '--reason', 'logo');
  await cli('jobs', 'list');
  await cli('jobs', 'stats');
  await cli('jobs', 'show', '999999');
  await cli('jobs', 'resume', 'send_receipt');
  await cli('jobs', 'rescue', '--dry-run');
  await cli('organization', 'show');
  await cli('donors', 'show', 'nobody at all');
  await cli('receipts', 'show', 'nothing');
  await cli('help', 'nonsense');
  await cli('doctor');
});
afterAll(() => system.close());

describe('hints', () => {
  it('are printed', () => {
    const hints = printed.flatMap(({ text }) => hintsIn(text));
    expect(new Set(hints).size).toBeGreaterThan(25);
  });

  it('are each a command line of ours when they are pasted into a shell', async () => {
    for (const { line, text } of printed) {
      for (const hint of hintsIn(text)) {
        const calls = await paste(hint).catch((error: Error) => error.message);
        expect(calls, `after "donations ${line}": ${hint}`).toHaveLength(1);
      }
    }
  });

  it('stand at the end of their line: nothing follows that would be pasted too', () => {
    for (const { line, said } of printed)
      expect(mentionsIn(said), `after "donations ${line}"`).toEqual(hintsIn(said));
  });

  it('take no decision that the person at the keyboard has not named', () => {
    for (const { text } of printed)
      for (const hint of hintsIn(text)) {
        expect(hint).not.toMatch(/--sent.*--resend|--yes|--force|[|&;<>]\s*\w/);
      }
  });
});

describe('paste', () => {
  it('finds what is not right', async () => {
    await expect(paste('donations receipts resolve dlv_1 --sent | --resend')).rejects.toThrow();
    await expect(paste('donations show a b')).rejects.toThrow();
    await expect(paste('donations jobs retry --nonsense')).rejects.toThrow();
    expect(await paste("donations list 'donor:ada king'")).toEqual([['list', 'donor:ada king']]);
  });
});
