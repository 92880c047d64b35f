import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { printData } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Preview } from '../../lib/receipts/preview.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { openPage } from '../shared/open-page.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';

const FIELDS = fieldsOf('number', 'subject', 'text', 'html');

interface Options extends OutputOptions {
  sample?: boolean;
  html?: boolean;
  open?: boolean;
  copy?: boolean;
}

/** `donations receipts preview`: how a receipt looks, without sending it. */
export function receiptsPreviewCommand(context: Context): Command {
  const command = new Command('preview')
    .description('a receipt as it was sent, or as it would be; sends nothing')
    .addArgument(
      new CompletedArgument(
        '[id]',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt'),
      ),
    )
    .option('--sample', 'an invented receipt')
    .option('--html', 'the HTML part')
    .option('--open', 'the HTML part, in a browser')
    .option('--copy', 'as it looks when sent again');
  return examples(withOutput(command, FIELDS), [
    ['donations receipts preview --sample --html > receipt.html', 'to look at in a browser'],
    ['donations receipts preview 2026-000042', 'one that was issued, as text'],
  ]).action(async (ref: string | undefined, options: Options) => {
    if (options.html && options.open)
      throw usageError('--open shows the HTML part; --html prints it', 'Give one of them.');
    if (chosenFormat(options).format !== 'table' && (options.html || options.open))
      throw usageError('--json has both parts already', 'Leave out --html and --open.');
    const [{ loadTemplates, SAMPLE }, { renderReceipt }] = await Promise.all([
      import('../../lib/receipts/templates.ts'),
      import('../../lib/receipts/message.ts'),
    ]);
    const templates = await loadTemplates((await context.config()).receipts.templatesDir);
    const { content, written }: Preview = options.sample
      ? { content: SAMPLE, written: undefined }
      : await find(context, ref);
    const { subject, html, text } = renderReceipt(content, templates, {
      copy: options.copy ?? false,
      ...(written ? { written } : {}),
    });
    if (options.open) return openInBrowser(context, html);
    writeDone(context.io, options, FIELDS, { number: content.number, subject, text, html }, () =>
      printData(context.io, options.html ? html : `Subject: ${subject}\n\n${text}`),
    );
  });
}

async function find(context: Context, ref: string | undefined): Promise<Preview> {
  if (!ref) throw usageError('which receipt?', 'Name one, or see an invented one with --sample.');
  const { previewReceipt } = await import('../../lib/receipts/preview.ts');
  return context.read((tx) => previewReceipt(tx, ref));
}

/** Writes the page to a file that only this user can read, and has the system open it. */
async function openInBrowser({ io }: Context, html: string): Promise<void> {
  const [{ mkdtemp, writeFile }, { tmpdir }, { join }] = await Promise.all([
    import('node:fs/promises'),
    import('node:os'),
    import('node:path'),
  ]);
  const file = join(await mkdtemp(join(tmpdir(), 'donations-preview-')), 'receipt.html');
  await writeFile(file, html, { mode: 0o600 });
  await openPage(io, file);
}
