import { Command } from 'commander';
import type { Tally, TaskTotals } from '../lib/donations/tally.ts';
import { configurationError, UserError, usageError } from '../lib/errors.ts';
import { type Io, paint, print, say } from '../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  fieldsOf,
  type OutputOptions,
  render,
  renderOne,
  toRecord,
} from '../lib/output/render.ts';
import { parseCount } from '../lib/parse.ts';
import type { Context } from './context.ts';
import { Demo, type DemoResult } from './demo/shared/run.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

const TOTALS: Column<TaskTotals>[] = [
  { name: 'task', header: 'TASK', value: (row) => row.task, whole: true },
  { name: 'attempts', header: 'ATTEMPTS', value: (row) => row.attempts, align: 'right' },
  { name: 'succeeded', header: 'DONE', value: (row) => row.succeeded, align: 'right' },
  { name: 'retried', header: 'RETRIED', value: (row) => row.retried, align: 'right' },
  { name: 'failed', header: 'FAILED/HELD', value: (row) => row.failed, align: 'right' },
  { name: 'duration_p50_ms', header: 'P50 MS', value: (row) => row.p50, align: 'right' },
  { name: 'duration_p95_ms', header: 'P95 MS', value: (row) => row.p95, align: 'right' },
];

const FIELDS = fieldsOf(
  ...(['gift_count', 'charged', 'declined', 'tokenized', 'accepted'] as const),
  ...(['held', 'failed', 'pending', 'tasks', 'charged_twice'] as const),
);

interface Options extends OutputOptions {
  count?: string;
  exit?: boolean;
  monitor?: boolean;
}

/** The number of donations of a self-test. */
const SELF_TEST = 50;

/** `donations demo`: the whole system in one terminal. */
export function demoCommand(context: Context): Command {
  const command = new Command('demo')
    .description(
      'the whole system in one terminal: donations come in, a worker runs, providers misbehave',
    )
    .option('--count <n>', 'how many donations; without it they keep coming')
    .option('--exit', `end when every donation is finished; without --count: of ${SELF_TEST}`)
    .option('--monitor', 'watch the queue on the screen of donations monitor');
  return examples(withOutput(command, FIELDS), [
    ['donations demo --monitor', 'watch it on the screen of the monitor; q ends it'],
    ['donations demo', 'watch it line by line; Ctrl-C ends it'],
    ['donations demo --exit', 'a self-test: exits 0 only if every donation is accounted for'],
    ['donations demo --exit --json', 'and the result as JSON'],
  ]).action(async (options: Options) => {
    const config = await context.config();
    if (config.mode !== 'sandbox') {
      throw configurationError(
        `the demo runs in the sandbox only, and the settings are for ${config.mode} mode`,
        'Unset the keys of the providers to use the sandbox.',
      );
    }
    const count = countOf(options);
    if (options.monitor && options.exit)
      throw usageError('--exit ends by itself, and --monitor when you end it', 'Give one of them.');
    if (options.monitor && chosenFormat(options).format !== 'table')
      throw usageError(
        '--monitor draws on the terminal, and --json writes there',
        'Give one of them.',
      );
    context.stopsByItself = true;
    const demo = await (options.monitor
      ? playOnMonitor(context, count)
      : playInLines(context, { count, untilSettled: options.exit === true }));
    const result = await demo.end();
    const { tally, totals, chargedTwice, complete } = result;
    if (chosenFormat(options).format === 'table') summarise(context.io, tally, totals);
    else renderOne(context.io, options, FIELDS, toFields(result));
    if (chargedTwice.length > 0)
      throw new UserError('failed', `charged more than once: ${chargedTwice.join(', ')}`);
    if (options.exit && !complete)
      throw new UserError(
        'failed',
        'not every donation is finished',
        'Find out why: donations doctor',
      );
    nextSteps(context.io, tally);
  });
}

function countOf({ count, exit }: Options): number | undefined {
  if (count !== undefined) return parseCount(count, { max: 100_000 });
  return exit ? SELF_TEST : undefined;
}

async function playInLines(
  context: Context,
  how: { count: number | undefined; untilSettled: boolean },
): Promise<Demo> {
  const demo = await Demo.start(context, { quiet: false });
  await demo.play(how);
  return demo;
}

/** Until the monitor is ended. */
async function playOnMonitor(context: Context, count: number | undefined): Promise<Demo> {
  const { refuseWithoutTerminal, watchQueue } = await import('./monitor/watch.ts');
  refuseWithoutTerminal(context);
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  const demo = await Demo.start({ ...context, signal }, { quiet: true });
  const playing = demo.play({ count, untilSettled: false });
  try {
    await watchQueue(context, { readOnly: false, window: '15m' });
  } finally {
    over.abort();
    await playing;
  }
  return demo;
}

/** How many have not reached a final state. */
const pendingOf = ({ unsettled, tokensOpen, receiptsOpen }: Tally) =>
  unsettled + tokensOpen + receiptsOpen;

const failedOf = ({ receiptsFailed, tokensFailed }: Tally) => receiptsFailed + tokensFailed;

function toFields({ tally, totals, chargedTwice }: DemoResult) {
  const { donations, charged, declined, tokenized, accepted, held } = tally;
  return {
    ...{ gift_count: donations, charged, declined, tokenized, accepted, held },
    ...{ failed: failedOf(tally), pending: pendingOf(tally), charged_twice: chargedTwice },
    tasks: totals.map((row) => toRecord(TOTALS, row)),
  };
}

function summarise(io: Io, tally: Tally, totals: TaskTotals[]): void {
  const lines: [string, number, 'good' | 'warn' | 'bad'][] = [
    ['charged', tally.charged, 'good'],
    ['declined', tally.declined, 'warn'],
    ['tokenized', tally.tokenized, 'good'],
    ['receipts accepted', tally.accepted, 'good'],
    ['held (may have been sent)', tally.held, 'warn'],
    ['failed', failedOf(tally), 'bad'],
    ['still being processed', pendingOf(tally), 'warn'],
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
