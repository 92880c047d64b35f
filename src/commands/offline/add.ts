import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { UserError } from '../../lib/errors.ts';
import type { Field } from '../../lib/imports/map/fields.ts';
import { addOffline, countWaiting, type OfflineGift } from '../../lib/imports/offline.ts';
import { plain, print, say } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { withImportStore } from '../import/shared/open-store.ts';
import { CompletedOption, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

interface AddOptions extends OutputOptions {
  [flag: string]: unknown;
  anonymous?: boolean;
}

const COLUMNS: Column<OfflineGift>[] = [
  { name: 'gift', header: 'GIFT', value: ({ id }) => id },
  { name: 'fields', header: 'FIELDS', value: ({ fields }) => fields },
];

// The flags, by the names of commander, and the fields that they are.
const FLAGS: Record<string, Field> = {
  amount: 'amount',
  currency: 'currency',
  method: 'method',
  date: 'gift_date',
  name: 'donor_name',
  organization: 'organization',
  email: 'email',
  street: 'street',
  city: 'city',
  state: 'state',
  postcode: 'postcode',
  country: 'country',
  checkNumber: 'check_number',
  fund: 'fund',
  campaign: 'campaign',
  appeal: 'appeal',
  note: 'note',
};

// What is asked for where a person is there and has not said it.
const QUESTIONS: [Field, string][] = [
  ['amount', 'Amount: '],
  ['currency', 'Currency (usd, eur …): '],
  ['method', 'Method (cash, check …): '],
  ['donor_name', 'Donor’s name: '],
  ['email', 'Donor’s e-mail address, or nothing: '],
];

/** `donations offline add`: keeps a gift on this machine until there is a network. */
export function offlineAddCommand(context: Context): Command {
  const command = new Command('add')
    .description('keep a gift on this machine until it is pushed; asks for what is not said')
    .option('--amount <amount>', 'what was given')
    .option('--currency <code>', 'its currency')
    .option('--method <method>', 'cash, check, money_order, in_kind …')
    .option('--date <day>', 'when; today if not given')
    .option('--name <name>', 'the donor')
    .option('--organization <name>', 'the donor, if it is an organisation')
    .option('--email <address>', 'the donor’s e-mail address')
    .option('--street <street>', 'street and number')
    .option('--city <city>', 'city')
    .option('--state <state>', 'state or region')
    .option('--postcode <postcode>', 'postcode')
    .option('--country <country>', 'country')
    .option('--check-number <number>', 'of a check')
    .addOption(new CompletedOption('--fund <fund>', 'the fund that it is for', recent('fund')))
    .addOption(
      new CompletedOption('--campaign <campaign>', 'the campaign or event', recent('campaign')),
    )
    .option('--appeal <appeal>', 'the appeal')
    .option('--note <text>', 'anything else to remember')
    .option('--anonymous', 'the donor is not to be named');
  return examples(withOutput(command, COLUMNS), [
    [
      'donations offline add --amount 20 --currency usd --method cash --name "Ada Lovelace"',
      'cash',
    ],
    [
      'donations offline add --amount 50 --currency usd --method cash --anonymous',
      'an anonymous gift',
    ],
  ]).action(async (options: AddOptions) => {
    const fields: Partial<Record<Field, string>> = {};
    for (const [flag, field] of Object.entries(FLAGS)) {
      const value = options[flag];
      if (typeof value === 'string') fields[field] = value;
    }
    if (options.anonymous) fields.anonymous = 'yes';
    await ask(context, fields);
    await withImportStore(context, async (store) => {
      const config = await context.config();
      const gift = addOffline({ store, config, clock: context.clock }, fields);
      if (chosenFormat(options).format === 'table') print(context.io, `Kept ${gift.id}.`);
      else renderOne(context.io, options, COLUMNS, gift);
      const waiting = countWaiting(store);
      say(
        context.io,
        plain(
          `${waiting} gift${waiting === 1 ? ' waits' : 's wait'} here. Later: donations offline push`,
        ),
      );
    });
  });
}

async function ask({ io, signal }: Context, fields: Partial<Record<Field, string>>): Promise<void> {
  if (!io.stdin.isTTY || !io.stderr.isTTY) return;
  const isNamed = fields.organization !== undefined || fields.anonymous !== undefined;
  for (const [field, question] of QUESTIONS) {
    if (fields[field] !== undefined || (isNamed && field === 'donor_name')) continue;
    const lines = createInterface({ input: io.stdin, output: io.stderr });
    lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    try {
      const answer = (await lines.question(question, { signal })).trim();
      if (answer !== '') fields[field] = answer;
    } catch {
      throw new UserError('confirmation_needed', 'nothing was kept: the gift is not complete');
    } finally {
      lines.close();
    }
  }
}
