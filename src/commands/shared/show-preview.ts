import type { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { printData } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import type { Preview } from '../../lib/receipts/preview.ts';
import type { Context } from '../context.ts';
import { openPage } from './open-page.ts';
import { withOutput } from './output-options.ts';
import { writePrivate } from './write-private.ts';
import { writeDone } from './write-result.ts';

const FIELDS = fieldsOf('number', 'subject', 'text', 'html');

export interface PreviewOptions extends OutputOptions {
  html?: string;
  text?: boolean;
  open?: boolean;
  pdf?: string;
  copy?: boolean;
}

/** Adds the options that say how a receipt is shown. */
export const withPreview = (command: Command): Command =>
  withOutput(
    command
      .option('--text', 'the text part; this is what is shown without an option')
      .option('--html <file>', 'write the HTML part into this file; - is the standard output')
      .option('--pdf <file>', 'write it as a PDF document into this file')
      .option('--open', 'the HTML part, in a browser')
      .option('--copy', 'as it looks when sent again'),
    FIELDS,
  );

/** Shows how a receipt looks: as text, unless an option says otherwise. */
export async function showPreview(
  context: Context,
  options: PreviewOptions,
  find: () => Promise<Preview>,
): Promise<void> {
  const { html: page, text: asText, open, pdf: file, copy = false } = options;
  const ways = [page, asText, open, file].filter((way) => way !== undefined);
  if (ways.length > 1)
    throw usageError(
      '--text prints the text part, --html writes the HTML part, --open shows it, --pdf writes a document',
      'Give one of them.',
    );
  if (chosenFormat(options).format !== 'table' && ways.length > 0)
    throw usageError('--json has both parts already', 'Leave out the other option.');
  const [{ loadTemplates }, { renderReceipt }] = await Promise.all([
    import('../../lib/receipts/templates.ts'),
    import('../../lib/receipts/message.ts'),
  ]);
  const templates = await loadTemplates((await context.config()).receipts.templatesDir);
  const { content, written } = await find();
  if (file !== undefined) {
    const { createPdfMaker } = await import('../../lib/receipts/make-pdf.ts');
    return writePrivate(
      context.io,
      file,
      await createPdfMaker(templates.format)([{ content, copy }]),
    );
  }
  const { subject, html, text } = renderReceipt(content, templates, {
    copy,
    ...(written ? { written } : {}),
  });
  if (open) return openInBrowser(context, html);
  if (page === '-') return printData(context.io, html);
  if (page !== undefined) return writePrivate(context.io, page, html);
  writeDone(context.io, options, FIELDS, { number: content.number, subject, text, html }, () =>
    printData(context.io, `Subject: ${subject}\n\n${text}`),
  );
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
