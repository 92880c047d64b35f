import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { printData } from '../../lib/output/io.ts';
import type { ReceiptContent } from '../../lib/receipts/content.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

interface Options {
  sample?: boolean;
  html?: boolean;
  copy?: boolean;
}

/** `donations receipts preview`: how a receipt looks, without sending it. */
export function receiptsPreviewCommand(context: Context): Command {
  const command = new Command('preview')
    .description('how a receipt looks, with your templates; sends nothing')
    .argument('[id]', 'receipt, receipt number, delivery, donation or job id')
    .option('--sample', 'an invented receipt')
    .option('--html', 'the HTML part')
    .option('--copy', 'as it looks when sent again');
  return examples(command, [
    ['donations receipts preview --sample --html > receipt.html', 'to look at in a browser'],
    ['donations receipts preview 2026-000042', 'one that was issued, as text'],
  ]).action(async (ref: string | undefined, options: Options) => {
    const [{ loadTemplates, SAMPLE }, { renderReceipt }] = await Promise.all([
      import('../../lib/receipts/templates.ts'),
      import('../../lib/receipts/message.ts'),
    ]);
    const templates = await loadTemplates((await context.config()).receipts.templatesDir);
    const content = options.sample ? SAMPLE : await issued(context, ref);
    const { subject, html, text } = renderReceipt(content, templates, {
      copy: options.copy ?? false,
    });
    printData(context.io, options.html ? html : `Subject: ${subject}\n\n${text}`);
  });
}

async function issued(context: Context, ref: string | undefined): Promise<ReceiptContent> {
  if (!ref) throw usageError('which receipt?', 'Name one, or see an invented one with --sample.');
  const { findReceipt } = await import('../../lib/receipts/find.ts');
  return (await context.read((tx) => findReceipt(tx, ref))).content;
}
