import { Command } from 'commander';
import { print, say } from '../../../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../../../lib/output/render.ts';
import { plural } from '../../../lib/output/text.ts';
import { parseDay } from '../../../lib/parse.ts';
import type { Context } from '../../context.ts';
import { CompletedArgument, recent } from '../../shared/completed.ts';
import { examples } from '../../shared/examples.ts';
import { withOutput } from '../../shared/output-options.ts';
import { writeDone } from '../../shared/write-result.ts';

const FIELDS = fieldsOf('donor', 'declarations', 'withdrawn_on');

interface Options extends OutputOptions {
  on?: string;
  reason?: string;
}

/** `donations donors gift-aid withdraw <donor>`: the donor cancelled the declarations. */
export function giftAidWithdrawCommand(context: Context): Command {
  const command = new Command('withdraw')
    .description('record that a donor cancelled the Gift Aid declarations in force')
    .addArgument(
      new CompletedArgument(
        '<donor>',
        'a part of the name, an e-mail address, an id, or a donation’s id',
        recent('donor', 'donation'),
      ),
    )
    .option('--on <day>', 'when; gifts from this day on are not covered; today if not given')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    ['donations donors gift-aid withdraw ada@example.org', 'from today on'],
    [
      'donations donors gift-aid withdraw ada@example.org --on 2026-04-06 --reason "pays no tax"',
      'from a day on',
    ],
  ]).action(async (ref: string, { on, reason, ...output }: Options) => {
    const [{ findDonor }, { withdrawGiftAid }] = await Promise.all([
      import('../../../lib/donors/find-donor.ts'),
      import('../../../lib/donors/gift-aid.ts'),
    ]);
    const day = on === undefined ? undefined : parseDay(on);
    const db = await context.db();
    const donorId = await findDonor(db, ref, 'donations donors gift-aid show');
    const operator = await context.operator();
    const { ids, on: from } = await withdrawGiftAid(db, { ...operator, donorId, on: day, reason });
    const { io } = context;
    const done = {
      donor: { id: donorId },
      declarations: ids.map((declaration) => ({ declaration })),
      withdrawn_on: from,
    };
    writeDone(io, output, FIELDS, done, () => {
      const count = plural(ids.length, 'declaration');
      print(io, `${count} withdrawn: gifts from ${from} on are not covered.`);
      say(io, `Next: donations donors gift-aid show ${donorId}`);
    });
  });
}
