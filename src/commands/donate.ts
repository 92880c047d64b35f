import { Command } from 'commander';
import type { Charged } from '../lib/donations/charge.ts';
import type { DonateInput } from '../lib/donations/donate.ts';
import type { Donation } from '../lib/donations/donation.ts';
import { UserError } from '../lib/errors.ts';
import { decimalAmount, formatMoney } from '../lib/money.ts';
import { paint, say } from '../lib/output/io.ts';
import { type Column, chosenFormat, type OutputOptions, renderOne } from '../lib/output/render.ts';
import { statusTone } from '../lib/output/status.ts';
import type { Context } from './context.ts';
import { EXIT_CODE_OF } from './exit-codes.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

type Options = DonateInput & OutputOptions & { background?: boolean; wait?: boolean };

const COLUMNS: Column<Donation>[] = [
  { name: 'id', header: 'DONATION', value: (d) => d.id },
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
  { name: 'donor', header: 'DONOR', value: (d) => d.donor.name },
  {
    name: 'card',
    header: 'CARD',
    value: (d) => d.card && `${d.card.brand} ending in ${d.card.last4}`,
  },
  { name: 'payment_intent', header: 'PAYMENT', value: (d) => d.paymentIntentId },
  { name: 'decline_code', header: 'DECLINED', value: (d) => d.failureCode },
  { name: 'message', header: '', value: (d) => d.failureReason },
];

/** `donations donate`: records a donation and charges it, now or in the background. */
export function donateCommand(context: Context): Command {
  const command = new Command('donate')
    .description('record a donation and charge it')
    .requiredOption('--amount <amount>', 'such as 50 or 1,250.00')
    .requiredOption('--currency <code>', 'ISO 4217, such as usd')
    .requiredOption('--email <address>', "the donor's e-mail address")
    .requiredOption('--name <name>', "the donor's name, as on the receipt")
    .requiredOption('--payment-method <id>', 'pm_… or tok_… as Stripe gave it')
    .option('--fund <fund>', 'what the gift is for')
    .option('--campaign <campaign>', 'what brought it in')
    .option('--background', 'let a worker charge it')
    .option('--wait', 'with --background: wait until it is settled');
  return examples(withOutput(command, COLUMNS), [
    [
      'donations donate --amount 50 --currency usd --email ada@example.org --name "Ada Lovelace" --payment-method pm_card_visa',
      'charge now',
    ],
    [
      'donations donate --amount 20 --currency eur --email bo@example.org --name Bo --payment-method pm_card_visa --background',
      'charge by a job',
    ],
  ]).action((options: Options) => donate(context, options));
}

async function donate(context: Context, options: Options): Promise<void> {
  const { checkDonation, donateInBackground, donateNow } = await import(
    '../lib/donations/donate.ts'
  );
  const config = await context.config();
  const checked = checkDonation(options, config.organization.locale);
  const db = await context.db();
  const deps = { db, config, clock: context.clock };
  if (options.background) {
    const id = await donateInBackground(deps, checked);
    const { loadDonation } = await import('../lib/donations/donation.ts');
    return show(
      context,
      options,
      options.wait ? await settled(context, id) : await loadDonation(db, id),
    );
  }
  const { chargePending } = await import('../lib/donations/donate.ts');
  const { ProviderError } = await import('../lib/providers/errors.ts');
  const payments = await context.payments();
  let id = '';
  let charged: Charged;
  try {
    charged = await donateNow({ ...deps, payments }, checked, (recorded) => {
      id = recorded;
    });
  } catch (error) {
    throw error instanceof ProviderError ? chargePending(id, error) : error;
  }
  show(context, options, charged.donation);
}

async function settled(context: Context, id: string): Promise<Donation> {
  const { waitUntilSettled } = await import('../lib/donations/wait.ts');
  say(context.io, `Waiting for ${id} to be charged; Ctrl-C stops waiting, not the charge.`);
  return waitUntilSettled(await context.db(), id, context.signal);
}

function show(context: Context, options: Options, donation: Donation): void {
  const { io } = context;
  renderOne(io, options, COLUMNS, donation);
  if (donation.status === 'failed') {
    if (chosenFormat(options).format === 'table') {
      say(
        io,
        `donations: the card was declined: ${donation.failureReason} (${donation.failureCode})\n  No money moved and no receipt is sent.`,
      );
    }
    process.exitCode = EXIT_CODE_OF.failed;
  } else if (chosenFormat(options).format === 'table') {
    say(io, paint(io, 'dim', `Next: donations show ${donation.id}`));
  }
  if (donation.status === 'requires_action') {
    throw new UserError('try_again', `donation ${donation.id} waits for the donor to confirm it`);
  }
}
