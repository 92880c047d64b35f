import { type Command, Option } from 'commander';
import { term } from '../../../lib/filter/parse.ts';
import {
  DELIVERY_STATUSES,
  parseReceiptFilter,
  RECEIPT_TERMS,
  type ReceiptFilter,
} from '../../../lib/receipts/vocabulary.ts';
import {
  begun,
  CompletedArgument,
  CompletedOption,
  recent,
  termOffers,
} from '../../shared/completed.ts';

const STATUS_HELP: Record<(typeof DELIVERY_STATUSES)[number], string> = {
  pending: 'those that wait to be sent',
  sending: 'those that are being sent',
  accepted: 'those that the mail provider took',
  held: 'those that may have been sent',
  failed: 'those that could not be sent',
  bounced: 'those that did not arrive',
};

const RECEIPT_OFFERS = [...termOffers(RECEIPT_TERMS), ...begun('receipt', 'delivery')];

/** What the flags gave; each is shorthand for a term of the filter. */
export type FilterOptions = Partial<Record<(typeof DELIVERY_STATUSES)[number], boolean>> & {
  status?: string;
  since?: string;
  until?: string;
  fund?: string;
  campaign?: string;
  batch?: string;
  donor?: string;
};

/** Adds `[filter…]` and the flags that are shorthand for its terms. */
export function withReceiptFilter(
  command: Command,
  about = 'terms that must all hold: status:… fund:… issued:>=2026-11',
): Command {
  command.addArgument(new CompletedArgument('[filter...]', about, RECEIPT_OFFERS));
  for (const status of DELIVERY_STATUSES)
    command.addOption(new Option(`--${status}`, STATUS_HELP[status]));
  return command
    .addOption(
      new CompletedOption('--status <status>', 'of this status', RECEIPT_TERMS.status.values),
    )
    .option('--since <when>', 'given on this day or later (2026-11-01), or made in the last 3h')
    .option('--until <day>', 'given on this day or before: 2026-11-30')
    .addOption(new CompletedOption('--fund <fund>', 'for this fund', recent('fund')))
    .addOption(new CompletedOption('--campaign <campaign>', 'of this campaign', recent('campaign')))
    .addOption(new CompletedOption('--batch <id>', 'of this import', recent('batch')))
    .addOption(
      new CompletedOption('--donor <id>', 'of this donor: id or e-mail address', recent('donor')),
    )
    .addHelpText(
      'after',
      `\nTerms of the filter:\n${Object.values(RECEIPT_TERMS)
        .map(({ example, about }) => `  ${example.padEnd(26)}${about}`)
        .join('\n')}`,
    );
}

/** The filter that the words and flags say together. */
export function receiptFilterOf(words: string[], options: FilterOptions): ReceiptFilter {
  const statuses: string[] = DELIVERY_STATUSES.filter((status) => options[status]);
  if (options.status !== undefined) statuses.push(options.status);
  const pieces = [...words];
  if (statuses.length > 0) pieces.push(`status:${statuses.join(',')}`);
  if (options.since !== undefined)
    pieces.push(
      /^\d+(-\d+)*$/.test(options.since)
        ? term('received', options.since, '>=')
        : term('since', options.since),
    );
  if (options.until !== undefined) pieces.push(term('received', options.until, '<='));
  if (options.fund !== undefined) pieces.push(term('fund', options.fund));
  if (options.campaign !== undefined) pieces.push(term('campaign', options.campaign));
  if (options.batch !== undefined) pieces.push(term('batch', options.batch));
  if (options.donor !== undefined) pieces.push(term('donor', options.donor));
  return parseReceiptFilter(pieces.join(' '));
}
