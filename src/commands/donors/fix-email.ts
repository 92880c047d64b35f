import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { term } from '../../lib/filter/parse.ts';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('donors', 'email', 'receipt_count');

interface Options extends OutputOptions {
  replay?: boolean;
  yes?: boolean;
  reason?: string;
}

/** `donations donors fix-email <old> <new>`: corrects an address. */
export function donorsFixEmailCommand(context: Context): Command {
  const command = new Command('fix-email')
    .description('correct an e-mail address of every donor who has it')
    .argument('<old>', 'the recorded address')
    .argument('<new>', 'the address as it should be')
    .option('--replay', 'send the receipts that failed, bounced or are held at the old one')
    .option('--yes', 'with --replay: ask nothing')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    ['donations donors fix-email ada@exmaple.org ada@example.org', 'a typing error'],
    ['donations donors fix-email ada@old.example ada@new.example --replay', 'and send again'],
  ]).action(async (old: string, to: string, { replay, yes, reason, ...output }: Options) => {
    const [{ fixEmail }, { checkEmail }] = await Promise.all([
      import('../../lib/donors/fix-email.ts'),
      import('../../lib/text.ts'),
    ]);
    const { io } = context;
    if (replay && chosenFormat(output).format !== 'table')
      throw usageError(
        '--replay shows a plan and asks, which goes with no --json',
        'Leave it out, then run: donations receipts replay',
      );
    const address = checkEmail(to);
    const db = await context.db();
    const operator = await context.operator();
    const fixed = await fixEmail(db, { ...operator, from: old, to: address, reason });
    const donors = fixed.donors.map(({ id, name }) => ({ id, name, email: address }));
    const done = { donors, email: address, receipt_count: fixed.readdressed };
    writeDone(io, output, FIELDS, done, () => {
      const names = donors.map(({ name }) => name).join(', ');
      const have = donors.length === 1 ? 'has' : 'have';
      print(io, `${plural(donors.length, 'donor')} (${names}) ${have} the address ${address}.`);
      if (fixed.readdressed > 0)
        print(io, `${plural(fixed.readdressed, 'receipt')} that waited go there.`);
    });
    const filter = `${term('to', old)} status:failed,bounced,held`;
    if (!replay) return say(io, `Next: donations receipts replay --include-held '${filter}'`);
    const [{ replayReceipts }, { parseReceiptFilter }] = await Promise.all([
      import('../../lib/receipts/replay.ts'),
      import('../../lib/receipts/vocabulary.ts'),
    ]);
    // What may have gone out went to the wrong address.
    const change = replayReceipts(parseReceiptFilter(filter), { includeHeld: true, force: false });
    await runBulk(context, change, { yes: yes === true, ...(reason ? { reason } : {}) });
  });
}
