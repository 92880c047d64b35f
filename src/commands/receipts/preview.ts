import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { printData, say } from '../../lib/output/io.ts';
import type { Preview } from '../../lib/receipts/preview.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

interface Options {
  sample?: boolean;
  html?: boolean;
  open?: boolean;
  pdf?: string;
  copy?: boolean;
}

/** `donations receipts preview`: how a receipt looks, without sending it. */
export function receiptsPreviewCommand(context: Context): Command {
  const command = new Command('preview')
    .description('a receipt as it was sent, or as it would be; sends nothing')
    .argument('[id]', 'receipt, receipt number, delivery, donation or job id')
    .option('--sample', 'an invented receipt')
    .option('--html', 'the HTML part')
    .option('--pdf <file>', 'write it as a PDF document into this file')
    .option('--open', 'the HTML part, in a browser')
    .option('--copy', 'as it looks when sent again');
  return examples(command, [
    ['donations receipts preview --sample --html > receipt.html', 'to look at in a browser'],
    ['donations receipts preview 2026-000042', 'one that was issued, as text'],
  ]).action(async (ref: string | undefined, options: Options) => {
    if ([options.html, options.open, options.pdf].filter(Boolean).length > 1)
      throw usageError(
        '--html prints the HTML part, --open shows it, --pdf writes a document',
        'Give one of them.',
      );
    const [{ loadTemplates, SAMPLE }, { renderReceipt }] = await Promise.all([
      import('../../lib/receipts/templates.ts'),
      import('../../lib/receipts/message.ts'),
    ]);
    const templates = await loadTemplates((await context.config()).receipts.templatesDir);
    const { content, written }: Preview = options.sample
      ? { content: SAMPLE, written: undefined }
      : await find(context, ref);
    if (options.pdf !== undefined) {
      const [{ createPdfMaker }, { writeFile }] = await Promise.all([
        import('../../lib/receipts/make-pdf.ts'),
        import('node:fs/promises'),
      ]);
      const pdf = createPdfMaker(templates.format);
      await writeFile(options.pdf, await pdf([{ content, copy: options.copy ?? false }]));
      return say(context.io, `Wrote ${options.pdf}.`);
    }
    const { subject, html, text } = renderReceipt(content, templates, {
      copy: options.copy ?? false,
      ...(written ? { written } : {}),
    });
    if (options.open) return openInBrowser(context, html);
    printData(context.io, options.html ? html : `Subject: ${subject}\n\n${text}`);
  });
}

async function find(context: Context, ref: string | undefined): Promise<Preview> {
  if (!ref) throw usageError('which receipt?', 'Name one, or see an invented one with --sample.');
  const { previewReceipt } = await import('../../lib/receipts/preview.ts');
  return context.read((tx) => previewReceipt(tx, ref));
}

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

/** Writes the page to a file that only this user can read, and has the system open it. */
async function openInBrowser({ io }: Context, html: string): Promise<void> {
  const [{ mkdtemp, writeFile }, { tmpdir }, { join }, { spawn }] = await Promise.all([
    import('node:fs/promises'),
    import('node:os'),
    import('node:path'),
    import('node:child_process'),
  ]);
  const file = join(await mkdtemp(join(tmpdir(), 'donations-preview-')), 'receipt.html');
  await writeFile(file, html, { mode: 0o600 });
  const opener = OPENERS[process.platform] ?? 'xdg-open';
  const opened = await new Promise<boolean>((resolve) => {
    const child = spawn(opener, [file], { stdio: 'ignore', detached: true });
    child.once('spawn', () => resolve(true)).once('error', () => resolve(false));
    child.unref();
  });
  say(io, opened ? `Opened ${file}` : `Nothing here opens a browser. The page: ${file}`);
}
