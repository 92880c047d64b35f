import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { term } from '../../lib/filter/parse.ts';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type BulkResult, runBulk } from '../shared/run-bulk.ts';

const FIELDS = fieldsOf('donors', 'email', 'receipt_count', 'replay');

interface Options extends OutputOptions {
  replay?: boolean;
  yes?: boolean;
  reason?: string;
}

/** `donations donors fix-email <old> <new>`: corrects an address. */
export function donorsFixEmailCommand(context: Context): Command {
  const command = new Command('fix-email')
    .description('correct an e-mail address of every donor who has it')
    .addArgument(new CompletedArgument('<old>', 'the recorded address', recent('donor')))
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
    const json = chosenFormat(output).format !== 'table';
    if (json && replay && !yes)
      throw usageError(
        '--replay asks before it sends, and with --json nothing is asked',
        'Add --yes to send without a question.',
      );
    const address = checkEmail(to);
    const db = await context.db();
    const operator = await context.operator();
    const fixed = await fixEmail(db, { ...operator, from: old, to: address, reason });
    const donors = fixed.donors.map(({ id, name }) => ({ id, name, email: address }));
    const write = (result: BulkResult | null) => {
      const receipts = fixed.readdressed;
      const done = { donors, email: address, receipt_count: receipts, replay: result };
      if (json) return renderOne(io, output, FIELDS, done);
      const names = donors.map(({ name }) => name).join(', ');
      const have = donors.length === 1 ? 'has' : 'have';
      print(io, `${plural(donors.length, 'donor')} (${names}) ${have} the address ${address}.`);
      if (receipts > 0) print(io, `${plural(receipts, 'receipt')} that waited go there.`);
    };
    const filter = `${term('to', old)} status:failed,bounced,held`;
    if (!json || !replay) write(null);
    if (!replay) {
      if (!json) say(io, `Next: donations receipts replay --include-held '${filter}'`);
      return;
    }
    const [{ replayReceipts }, { parseReceiptFilter }] = await Promise.all([
      import('../../lib/receipts/replay.ts'),
      import('../../lib/receipts/vocabulary.ts'),
    ]);
    // What may have gone out went to the wrong address.
    const change = replayReceipts(parseReceiptFilter(filter), { includeHeld: true, force: false });
    const options = { ...output, yes: yes === true, ...(reason ? { reason } : {}) };
    let result: BulkResult | null = null;
    const onResult = (replayed: BulkResult) => {
      result = replayed;
    };
    // The address is corrected even if the replay fails.
    await runBulk(context, change, options, { onResult }).finally(() => json && write(result));
  });
}
