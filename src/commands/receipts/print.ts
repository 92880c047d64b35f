import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import type { PrintPlan } from '../../lib/receipts/print.ts';
import type { Context } from '../context.ts';
import { planText } from '../shared/bulk-plan.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { confirmChange } from '../shared/confirm-bulk.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('file', 'changed', 'planned', 'skipped');

interface Options extends OutputOptions {
  pending?: boolean;
  again?: boolean;
  out: string;
  dryRun?: boolean;
  yes?: boolean;
  reason?: string;
}

const WORDS = {
  verb: 'print',
  past: 'Printed',
  one: 'receipt',
  many: 'receipts',
  next: () => '',
};

/** `donations receipts print`: receipts on paper. */
export function receiptsPrintCommand(context: Context): Command {
  const command = new Command('print')
    .description('write receipts into a PDF file to be printed, and record that they were')
    .addArgument(
      new CompletedArgument(
        '[id...]',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt', 'delivery', 'donation'),
      ),
    )
    .option('--pending', 'all whose donors cannot be mailed, and that were not printed')
    .requiredOption('-o, --out <file>', 'the PDF file to be made')
    .option('--again', 'also those that were printed before, as copies')
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    ['donations receipts print --pending -o receipts.pdf', 'for donors without an address'],
    ['donations receipts print 2026-000042 --again -o copy.pdf', 'the first print was lost'],
  ]).action(async (refs: string[], options: Options) => {
    if (Boolean(options.pending) === refs.length > 0)
      throw usageError('say which receipts: --pending, or their numbers', 'Give one of them.');
    const { io } = context;
    const [{ planPrint, printReceipts }, db] = await Promise.all([
      import('../../lib/receipts/print.ts'),
      context.db(),
    ]);
    const receipts = options.pending ? undefined : await findAll(context, refs);
    const request = { receipts, again: options.again === true };
    const plan = await planPrint(db, request);
    const change = {
      words: WORDS,
      scope: options.pending ? '--pending' : refs.join(' '),
      question: 'yes' as const,
      describe: (): [string, string][] => [],
      warnings: () => [],
    };
    const { count, skipped } = plan;
    const write = (changed: number, tell = () => {}) => {
      const done = { file: changed > 0 ? options.out : null, changed, planned: count, skipped };
      writeDone(io, options, FIELDS, done, tell);
    };
    const text = planText<PrintPlan>(io, change, plan);
    if (options.dryRun) return write(0, () => print(io, text));
    if (chosenFormat(options).format === 'table') say(io, text);
    if (count === 0) return write(0);
    await confirmChange<PrintPlan>(context, change, plan, {
      yes: options.yes,
      confirmed: undefined,
    });
    const [{ createPdfMaker }, { createFormatters }] = await Promise.all([
      import('../../lib/receipts/make-pdf.ts'),
      import('../../lib/receipts/templates.ts'),
    ]);
    await printReceipts(db, request, plan, {
      ...(await context.operator()),
      reason: options.reason,
      file: options.out,
      pdf: createPdfMaker(createFormatters()),
    });
    write(count, () => print(io, `Printed ${plural(count, 'receipt')} into ${options.out}.`));
  });
}

async function findAll(context: Context, refs: string[]): Promise<string[]> {
  const { findReceipt } = await import('../../lib/receipts/find-receipt.ts');
  const db = await context.db();
  const ids: string[] = [];
  for (const ref of refs) ids.push((await findReceipt(db, ref)).id);
  return [...new Set(ids)];
}
