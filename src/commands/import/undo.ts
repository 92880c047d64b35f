import { Command } from 'commander';
import { planUndo, undoImport } from '../../lib/imports/commit/undo.ts';
import { print, say } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { confirmUndo, tellUndo, undoneText } from './shared/undo-plan.ts';

interface UndoOptions extends OutputOptions {
  yes?: boolean;
  dryRun?: boolean;
  voidReceipts?: boolean;
  reason?: string;
}

interface Result {
  batch: string;
  undone: number;
  refused: number;
  donor_count: number;
  receipts_voided: number;
}

const COLUMNS: Column<Result>[] = (
  ['batch', 'undone', 'refused', 'donor_count', 'receipts_voided'] as const
).map((name) => ({ name, header: name.toUpperCase(), value: (row: Result) => row[name] }));

const NOTHING = { undone: 0, refused: 0, donor_count: 0, receipts_voided: 0 };

/** `donations import undo`: takes back all that an import made, or nothing. */
export function importUndoCommand(context: Context): Command {
  const command = new Command('undo')
    .description('take back all gifts of an import, unless something was built on one since')
    .addArgument(
      new CompletedArgument('<import>', 'its id, or the beginning of it', recent('batch')),
    )
    .option('--void-receipts', 'also when receipts were issued: they are voided, sent or not')
    .option('--reason <text>', 'why, for the audit trail')
    .option('--dry-run', 'say what would be undone, and do nothing')
    .option('--yes', 'ask nothing');
  return examples(withOutput(command, COLUMNS), [
    ['donations import undo bat_01 --dry-run', 'what would be undone'],
    ['donations import undo bat_01 --yes --reason "wrong file"', 'ask nothing'],
  ]).action(async (id: string, options: UndoOptions) => {
    const { io } = context;
    const db = await context.db();
    const plan = await planUndo(db, id);
    tellUndo(io, plan);
    const json = chosenFormat(options).format !== 'table';
    const inTheWay = plan.refusedCount + (options.voidReceipts ? 0 : plan.receiptCount);
    if (json && (inTheWay > 0 || options.dryRun))
      renderOne(io, options, COLUMNS, { ...NOTHING, batch: plan.batch, refused: inTheWay });
    if (options.dryRun) return;
    if (inTheWay === 0 && plan.status !== 'undone' && !options.yes)
      await confirmUndo(context, plan);
    const done = await undoImport(db, plan.batch, {
      operator: await context.operator(),
      reason: options.reason,
      voidReceipts: options.voidReceipts === true,
    });
    if (json)
      renderOne(io, options, COLUMNS, {
        batch: plan.batch,
        undone: done.undone,
        refused: 0,
        donor_count: done.donors,
        receipts_voided: done.voided,
      });
    else print(io, undoneText(done));
    say(io, `Audit: donations audit show ${done.operation}`);
  });
}
