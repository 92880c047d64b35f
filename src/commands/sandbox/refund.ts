import { Command } from 'commander';
import { decimalAmount, formatMoney, type Money, parseAmount } from '../../lib/money.ts';
import { type Column, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { openSandbox } from './shared/open-sandbox.ts';

interface Refund {
  id: string;
  paymentIntent: string;
  amount: Money;
}

const COLUMNS: Column<Refund>[] = [
  { name: 'refund', header: 'REFUND', value: (row) => row.id },
  { name: 'payment_intent', header: 'PAYMENT', value: (row) => row.paymentIntent },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (row) => row.amount.minor,
    text: (row) => formatMoney(row.amount),
  },
  { name: 'amount', header: '', value: (row) => decimalAmount(row.amount), text: () => '' },
  { name: 'currency', header: 'CURRENCY', value: (row) => row.amount.currency, wide: true },
];

/** `donations sandbox refund`: refunds a payment as in Stripe's dashboard. */
export function sandboxRefundCommand(context: Context): Command {
  const command = new Command('refund')
    .description('Refund a payment in the Stripe double, as in Stripe’s dashboard.')
    .addArgument(
      new CompletedArgument('<payment-intent>', 'its id at Stripe: pi_…', recent('payment')),
    )
    .option(
      '--amount <amount>',
      'a part of it, in its currency; by default the whole remaining amount',
    )
    .action(async (id: string, options: OutputOptions & { amount?: string }) => {
      const sandbox = await openSandbox(context);
      const payment = await sandbox.paymentIntent(id);
      const currency = payment.currency as string;
      const part = options.amount === undefined ? undefined : parseAmount(options.amount, currency);
      const refund = await sandbox.refund(id, part?.minor);
      renderOne(context.io, options, COLUMNS, {
        id: refund.id,
        paymentIntent: id,
        amount: { minor: BigInt(refund.amount as number), currency },
      });
    });
  return examples(withOutput(command, COLUMNS), [
    ['donations sandbox refund pi_0a1b2c', 'all of it'],
    ['donations sandbox refund pi_0a1b2c --amount 12.50', 'a part of it'],
  ]);
}
