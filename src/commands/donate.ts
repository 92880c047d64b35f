import { Command } from 'commander';
import type { Db } from '../lib/db/database.ts';
import type { Donation } from '../lib/donations/donation.ts';
import type { Gift } from '../lib/donations/input.ts';
import { UserError } from '../lib/errors.ts';
import { maskText } from '../lib/mask.ts';
import { decimalAmount, formatMoney } from '../lib/money.ts';
import { paint, say } from '../lib/output/io.ts';
import { type Column, chosenFormat, type OutputOptions, renderOne } from '../lib/output/render.ts';
import { statusTone } from '../lib/output/status.ts';
import { formatDuration } from '../lib/output/time.ts';
import type { Note } from '../lib/telemetry/telemetry.ts';
import type { Context } from './context.ts';
import { EXIT_CODE_OF } from './exit-codes.ts';
import { CompletedOption, recent } from './shared/completed.ts';
import { confirmYes } from './shared/confirm.ts';
import { donorColumn } from './shared/donor-column.ts';
import { examples } from './shared/examples.ts';
import { inCommandSpan } from './shared/in-span.ts';
import { withOutput } from './shared/output-options.ts';

interface Options extends OutputOptions {
  amount?: string;
  currency?: string;
  email?: string;
  name?: string;
  paymentMethod?: string;
  fund?: string;
  campaign?: string;
  requestId?: string;
  background?: boolean;
  wait?: boolean;
  yes?: boolean;
}

const COLUMNS: Column<Donation>[] = [
  { name: 'donation', header: 'DONATION', value: (d) => d.id },
  // Scripts rely on this name.
  { name: 'id', header: '', value: (d) => d.id, text: () => '' },
  {
    name: 'status',
    header: 'STATUS',
    value: (d) => d.status,
    tone: (d) => statusTone(d.status),
  },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (d) => d.amount.minor,
    text: (d) => formatMoney(d.amount),
  },
  { name: 'amount', header: '', value: (d) => decimalAmount(d.amount), text: () => '' },
  { name: 'currency', header: '', value: (d) => d.amount.currency, text: () => '' },
  donorColumn(({ donor }) => ({ id: donor.id, name: donor.name, email: donor.email ?? null })),
  {
    name: 'card',
    header: 'CARD',
    value: ({ charge }) => charge?.card,
    text: ({ charge }) =>
      charge?.card ? `${charge.card.brand} ending in ${charge.card.last4}` : '',
    parts: ['brand', 'last4'],
  },
  { name: 'payment_intent', header: 'PAYMENT', value: (d) => d.charge?.paymentIntentId },
  { name: 'decline_code', header: 'DECLINED', value: (d) => d.charge?.failure?.code },
  { name: 'failure', header: '', value: (d) => d.charge?.failure?.reason },
];

/** `donations donate`: records a donation and charges it, now or in the background. */
export function donateCommand(context: Context): Command {
  const command = new Command('donate')
    .description('record a donation and charge it')
    .option('--amount <amount>', 'such as 50 or 1,250.00')
    .option('--currency <code>', 'ISO 4217, such as usd')
    .option('--email <address>', "the donor's e-mail address")
    .option('--name <name>', "the donor's name, as on the receipt")
    .option('--payment-method <id>', 'pm_… or tok_… from Stripe.js')
    .addOption(
      new CompletedOption('--fund <fund>', 'the fund that the gift is for', recent('fund')),
    )
    .addOption(
      new CompletedOption(
        '--campaign <campaign>',
        'the campaign that the gift came from',
        recent('campaign'),
      ),
    )
    .option('--request-id <text>', 'your id of this request; repeating it never charges twice')
    .option('--background', 'let a worker charge it')
    .option('--wait', 'with --background: wait until it is settled')
    .option('--yes', 'do not ask when a similar gift was recorded in the last minutes');
  return examples(withOutput(command, COLUMNS), [
    [
      'donations donate --amount 50 --currency usd --email ada@example.org --name "Ada Lovelace" --payment-method pm_card_visa',
      'charge now',
    ],
    [
      'donations donate --amount 20 --currency eur --email bo@example.org --name Bo --payment-method pm_card_visa --background',
      'charge by a job',
    ],
  ]).action((options: Options) =>
    inCommandSpan(
      context,
      'donate',
      { 'donations.charged_by': options.background ? 'job' : 'caller' },
      (note) => donate(context, options, note),
    ),
  );
}

// The option of each field of a gift.
const OPTION_OF: Record<string, string> = {
  'donor.name': '--name',
  'donor.email': '--email',
  paymentMethod: '--payment-method',
  requestId: '--request-id',
};

async function donate(context: Context, options: Options, note: Note): Promise<void> {
  const [{ checkGift }, { recordCardGift }, { loadDonation }] = await Promise.all([
    import('../lib/donations/input.ts'),
    import('../lib/donations/record.ts'),
    import('../lib/donations/donation.ts'),
  ]);
  const config = await context.config();
  const gift = checkGift(
    {
      amount: options.amount,
      currency: options.currency,
      method: 'card',
      donor: { name: options.name, email: options.email },
      paymentMethod: options.paymentMethod,
      fund: options.fund,
      campaign: options.campaign,
      requestId: options.requestId,
    },
    {
      locale: config.organization.locale,
      mustHaveEmail: true,
      nameOf: (field) => OPTION_OF[field] ?? `--${field}`,
    },
  );
  const db = await context.db();
  const payments = options.background ? undefined : await context.payments();
  await pointOutTwin(context, db, gift, options);
  const { id, isNew } = await recordCardGift(db, gift, payments ? 'caller' : 'job');
  note({ 'donations.donation': id });
  if (!isNew) say(context.io, `The request ${gift.requestId} was recorded before, as ${id}.`);
  const donation = await withLastWord(context, id, async () => {
    if (payments) {
      const { chargeNow } = await import('../lib/donations/charge.ts');
      await chargeNow({ db, payments }, id);
    } else if (options.wait) {
      const { waitUntilSettled } = await import('../lib/donations/wait.ts');
      say(context.io, `Waiting for ${id} to be charged; Ctrl-C stops waiting, not the charge.`);
      return waitUntilSettled(db, id, context.signal);
    }
    return loadDonation(db, id);
  });
  note({ 'donations.status': donation.status });
  show(context, options, donation);
}

/**
 * Asks when a similar gift was recorded in the last ten minutes, because the same gift may have
 * been entered twice.
 */
async function pointOutTwin(context: Context, db: Db, gift: Gift, { yes }: Options): Promise<void> {
  const { findTwin } = await import('../lib/donations/record.ts');
  const twin = await findTwin(db, gift);
  if (!twin) return;
  const { io } = context;
  say(
    io,
    `The same donor gave the same amount ${formatDuration(twin.ageMs)} ago: ${twin.id} (${twin.status}).`,
  );
  if (yes || !io.stdin.isTTY || !io.stderr.isTTY) {
    say(io, 'This gift is recorded and charged too.');
    return;
  }
  if (!(await confirmYes(context, 'Is this another gift, to be charged too?')))
    throw new UserError('confirmation_needed', 'nothing was recorded and nothing is charged');
}

/**
 * Runs the steps after a donation is recorded. However they end (an error, a lost connection, the
 * user, a time limit), the last message has the donation's id and what happens next.
 */
async function withLastWord<T>(context: Context, id: string, work: () => Promise<T>): Promise<T> {
  context.stopsByItself = true;
  const { signal, io } = context;
  const { stripe } = await context.config();
  const recorded = `Donation ${id} is recorded and will be charged once, in the background`;
  const hint = `Do not enter it again. See its progress: donations show ${id}`;
  const limit = AbortSignal.timeout(REQUESTS * stripe.timeoutMs + DATABASE_MS);
  try {
    return await Promise.race([
      work(),
      rejectWhen(signal),
      ...(context.args.includes('--wait') ? [] : [rejectWhen(limit)]),
    ]);
  } catch (error) {
    if (signal.aborted) {
      say(io, `donations: interrupted. ${recorded}.\n  ${hint}`);
      throw error;
    }
    const why = limit.aborted ? 'the charge takes too long' : maskText((error as Error).message);
    throw new UserError('try_again', `${why}. ${recorded}`, hint, {
      cause: error,
      about: { donation: id },
    });
  }
}

/** The most requests that a charge makes one after another. */
const REQUESTS = 4;
/** The time that a charge may spend on Postgres. */
const DATABASE_MS = 15_000;

function rejectWhen(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function show(context: Context, options: Options, donation: Donation): void {
  const { io } = context;
  renderOne(io, options, COLUMNS, donation);
  if (donation.status === 'failed') {
    if (chosenFormat(options).format === 'table') {
      say(
        io,
        `donations: the card was declined: ${donation.charge?.failure?.reason} (${donation.charge?.failure?.code})\n  No money moved and no receipt is sent.`,
      );
    }
    process.exitCode = EXIT_CODE_OF.failed;
  } else if (chosenFormat(options).format === 'table') {
    say(io, paint(io, 'dim', `Next: donations show ${donation.id}`));
  }
  if (donation.status === 'requires_action') {
    throw new UserError(
      'try_again',
      `donation ${donation.id} waits for the donor to confirm it`,
      `See it: donations show ${donation.id}`,
      { about: { donation: donation.id } },
    );
  }
}
