import type { Config } from '../config.ts';
import type { MailMessage } from '../providers/mail.ts';
import type { ReceiptContent } from './content.ts';
import { type MailTemplates, type ReceiptTemplates, templatesFor } from './templates.ts';
import { viewReceipt } from './view.ts';

export interface ReceiptMail {
  content: ReceiptContent;
  templates: ReceiptTemplates;
  config: Pick<Config, 'receipts' | 'sendgrid'>;
  recipient: string;
  /** The templates to write it with, in place of those that a new receipt gets. */
  written?: MailTemplates | undefined;
  /** Sent again: same number and content, marked as a copy. */
  copy: boolean;
  /** Attached to it. */
  pdf?: Buffer | undefined;
  ids: { receiptId: string; donationId: string; deliveryId: string };
}

/** A receipt as text: subject, HTML and plain text. */
export function renderReceipt(
  content: ReceiptContent,
  templates: ReceiptTemplates,
  {
    copy,
    written = templatesFor(content, templates),
  }: { copy: boolean; written?: MailTemplates | undefined },
): { subject: string; html: string; text: string } {
  const view = viewReceipt(content, templates.format, { copy });
  const { subject, html, text } = written;
  return { subject: subject(view).replace(/\s+/g, ' ').trim(), html: html(view), text: text(view) };
}

/**
 * SendGrid's dynamic template of a receipt. A statement has a list of gifts, which such a template does
 * not have, so it is always written with ours.
 */
export const dynamicTemplateOf = (
  { form }: ReceiptContent,
  { sendgrid }: Pick<Config, 'sendgrid'>,
): string | undefined => (form === 'annual' ? undefined : sendgrid.templateId);

/** Whether the mail of a receipt has it as PDF too. A statement always has. */
export const attachesPdf = (
  { form }: ReceiptContent,
  { receipts }: Pick<Config, 'receipts'>,
): boolean => form === 'annual' || receipts.attachPdf;

/** The mail that carries a receipt. Its custom arguments come back with every event about it. */
export function receiptMessage({
  content,
  templates,
  config,
  recipient,
  copy,
  written,
  pdf,
  ids,
}: ReceiptMail): MailMessage {
  const { from, replyTo } = config.receipts;
  const templateId = dynamicTemplateOf(content, config);
  const data = templateId ? { ...viewReceipt(content, templates.format, { copy }) } : undefined;
  return {
    from,
    replyTo: replyTo ? { email: replyTo } : undefined,
    to: { email: recipient, name: content.donor.name.replace(/\s+/g, ' ') },
    ...(templateId
      ? { subject: '', text: '', html: '' }
      : renderReceipt(content, templates, { copy, written })),
    template: templateId && data ? { id: templateId, data } : undefined,
    customArgs: {
      receipt_id: ids.receiptId,
      donation_id: ids.donationId,
      delivery_id: ids.deliveryId,
    },
    categories: ['receipt'],
    ...(pdf
      ? { attachments: [{ filename: pdfName(content), type: 'application/pdf', content: pdf }] }
      : {}),
  };
}

const pdfName = ({ form, number }: ReceiptContent) =>
  `${form === 'annual' ? 'statement' : 'receipt'}-${number.replace(/[^\w-]/g, '')}.pdf`;
