import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import type { Preview } from '../../lib/receipts/preview.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { type PreviewOptions, showPreview, withPreview } from '../shared/show-preview.ts';

/** `donations receipts preview`: how a receipt looks, without sending it. */
export function receiptsPreviewCommand(context: Context): Command {
  const command = new Command('preview')
    .description('a receipt as it was sent, or as it would be; sends nothing')
    .addArgument(
      new CompletedArgument(
        '[id]',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt', 'delivery', 'donation'),
      ),
    )
    .option('--sample', 'an invented receipt');
  return examples(withPreview(command), [
    ['donations receipts preview --sample --html receipt.html', 'to look at in a browser'],
    ['donations receipts preview 2026-000042', 'one that was issued, as text'],
  ]).action((ref: string | undefined, options: PreviewOptions & { sample?: boolean }) =>
    showPreview(context, options, () => (options.sample ? sample() : find(context, ref))),
  );
}

async function sample(): Promise<Preview> {
  const { SAMPLE } = await import('../../lib/receipts/templates.ts');
  return { content: SAMPLE, written: undefined };
}

async function find(context: Context, ref: string | undefined): Promise<Preview> {
  if (!ref) throw usageError('which receipt?', 'Name one, or see an invented one with --sample.');
  const { previewReceipt } = await import('../../lib/receipts/preview.ts');
  return context.read((tx) => previewReceipt(tx, ref));
}
