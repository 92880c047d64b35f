import { Command } from 'commander';
import type { Tally, TaskTotals } from '../lib/donations/tally.ts';
import { configurationError, UserError } from '../lib/errors.ts';
import { type Io, paint, print, say } from '../lib/output/io.ts';
import { type Column, type OutputOptions, render } from '../lib/output/render.ts';
import { parseCount } from '../lib/parse.ts';
import type { Context } from './context.ts';
import { Demo } from './demo/shared/run.ts';
import { examples } from './shared/examples.ts';

const TOTALS: Column<TaskTotals>[] = [
  { name: 'task', header: 'TASK', value: (row) => row.task },
  { name: 'attempts', header: 'ATTEMPTS', value: (row) => row.attempts, align: 'right' },
  { name: 'done', header: 'DONE', value: (row) => row.succeeded, align: 'right' },
  { name: 'retried', header: 'RETRIED', value: (row) => row.retried, align: 'right' },
  { name: 'failed_or_held', header: 'FAILED/HELD', value: (row) => row.failed, align: 'right' },
  { name: 'p50_ms', header: 'P50 MS', value: (row) => row.p50, align: 'right' },
  { name: 'p95_ms', header: 'P95 MS', value: (row) => row.p95, align: 'right' },
];

/** `donations demo`: the whole system in one terminal. */
export function demoCommand(context: Context): Command {
  const command = new Command('demo')
    .description(
      'the whole system in one terminal: donations come in, a worker runs, providers misbehave',
    )
    .option('--count <n>', 'how many donations; without it they keep coming')
    .option('--exit', 'with --count: end when each has come to its end');
  return examples(command, [
    ['donations demo', 'watch it; Ctrl-C ends it'],
    [
      'donations demo --count 50 --exit',
      'a check: exits 0 only if every donation is accounted for',
    ],
  ]).action(async (options: OutputOptions & { count?: string; exit?: boolean }) => {
    const config = await context.config();
    if (config.mode !== 'sandbox') {
      throw configurationError(
        `the demo plays with money, and this is ${config.mode} mode`,
        'Unset the providers’ keys to use the sandbox.',
      );
    }
    const count = options.count ? parseCount(options.count, { max: 100_000 }) : undefined;
    context.stopsByItself = true;
    const demo = await Demo.start(context);
    await demo.play({ count, untilSettled: options.exit === true });
    const { tally, totals, chargedTwice, complete } = await demo.end();
    summarise(context.io, tally, totals);
    if (chargedTwice.length > 0)
      throw new UserError('failed', `charged more than once: ${chargedTwice.join(', ')}`);
    if (options.exit && !complete)
      throw new UserError('failed', 'not every donation came to its end', 'See: donations doctor');
    nextSteps(context.io, tally);
  });
}

function summarise(io: Io, tally: Tally, totals: TaskTotals[]): void {
  const lines: [string, number, 'good' | 'warn' | 'bad'][] = [
    ['charged', tally.charged, 'good'],
    ['declined', tally.declined, 'warn'],
    ['tokenized', tally.tokenized, 'good'],
    ['receipts accepted', tally.accepted, 'good'],
    ['held (may have been sent)', tally.held, 'warn'],
    ['failed', tally.receiptsFailed + tally.tokensFailed, 'bad'],
    ['still under way', tally.unsettled + tally.tokensOpen + tally.receiptsOpen, 'warn'],
  ];
  print(io, `\n${paint(io, 'bold', `${tally.donations} donations (SANDBOX)`)}`);
  for (const [what, count, tone] of lines) {
    const number = String(count).padStart(6);
    print(io, `${count > 0 ? paint(io, tone, number) : number}  ${what}`);
  }
  print(io, '');
  render(io, {}, TOTALS, totals);
}

function nextSteps(io: Io, tally: Tally): void {
  say(io, '\nLook around:');
  say(io, '  what was given: donations list --limit 5');
  say(io, '  what was sent: donations receipts list --limit 5');
  if (tally.held > 0)
    say(io, '  what may have been sent, for you to decide: donations receipts list --held');
  say(io, '  the mails themselves: donations sandbox inbox');
  say(io, '  what is retried, and what is not: donations jobs policy');
  say(
    io,
    'The database and the doubles of Stripe and SendGrid run on. To stop them: donations stop',
  );
}
