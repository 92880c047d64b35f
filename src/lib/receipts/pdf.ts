import { Fonts } from '../pdf/fonts.ts';
import { PdfWriter, TEXT_WIDTH, type TextStyle } from '../pdf/writer.ts';
import type { ReceiptContent } from './content.ts';
import { type ReceiptView, type ViewFormatters, viewReceipt } from './view.ts';

const GREEN = '#1d5b4f';
const GREY = '#5c6f69';
const LINE = '#dfe6e3';
const BROWN = '#7a3b00';

const BODY: TextStyle = { size: 10.5 };
const SMALL: TextStyle = { size: 9, color: GREY };
const LABEL = { x: 0, width: 120 };
const VALUE = { x: 130, width: TEXT_WIDTH - 130 };

/** A receipt to be put into a document. */
export interface PrintedReceipt {
  content: ReceiptContent;
  /** Marked as a copy of one that the donor has already. */
  copy: boolean;
}

/** Makes PDF documents of receipts. */
export interface ReceiptPdf {
  /**
   * Each receipt on a page of its own, or on several if it is long. The same receipts give the same
   * bytes.
   */
  render(receipts: [PrintedReceipt, ...PrintedReceipt[]]): Promise<Buffer>;
}

/** Loads which characters the fonts have; the fonts themselves when a document needs them. */
export async function loadReceiptPdf(format: ViewFormatters): Promise<ReceiptPdf> {
  const fonts = await Fonts.load();
  return {
    async render(receipts) {
      const writer = new PdfWriter();
      receipts.forEach(({ content, copy }, i) => {
        if (i > 0) writer.page();
        writeReceipt(writer, viewReceipt(content, format, { copy }));
      });
      const { title, number, organization, issuedOn } = receipts[0].content;
      return writer.draw(fonts, {
        title: receipts.length === 1 ? `${title} ${number}` : `${receipts.length} receipts`,
        author: organization.legalName,
        at: new Date(`${issuedOn}T00:00:00Z`),
      });
    },
  };
}

function writeReceipt(writer: PdfWriter, view: ReceiptView): void {
  const { organization } = view;
  const what = view.year === null ? 'receipt' : 'statement';
  writer.paragraph(organization.legal_name, { size: 15, weight: 600, color: GREEN });
  for (const line of organization.address) writer.paragraph(line, SMALL);
  writer.paragraph(`Tax ID ${organization.tax_id}   ${organization.email}`, SMALL);
  writer.space(22);
  if (view.sandbox) {
    writer.paragraph(`SANDBOX: no money moved. This is not a ${what}.`, {
      ...BODY,
      weight: 600,
      color: BROWN,
    });
    writer.space(8);
  }
  writer.paragraph(view.title, { size: 18 });
  writer.paragraph(`No. ${view.number}`, { size: 11, color: GREY });
  if (view.replaces !== null)
    writer.paragraph(`This ${what} cancels and replaces ${what} ${view.replaces}.`, {
      ...BODY,
      color: BROWN,
    });
  if (view.copy)
    writer.paragraph(`COPY of a ${what} that was issued before.`, { ...BODY, color: BROWN });
  writer.space(14);
  if (view.year === null) writeFacts(writer, view);
  else writeGifts(writer, view);
  writer.space(14);
  for (const sentence of view.statements) writer.paragraph(sentence, BODY);
  writer.paragraph(`Please keep this ${what} for your tax records.`, BODY);
}

/** The table of a receipt of one gift. */
function writeFacts(writer: PdfWriter, view: ReceiptView): void {
  const lines = (texts: (string | null)[]) => texts.filter((text) => text !== null).join('\n');
  const facts: [label: string, value: string | null][] = [
    ['Amount', lines([view.amount, view.amount_in_words])],
    ['Date received', view.received_on],
    ['Donor', lines([view.donor.name, ...view.donor.address])],
    ['Fund', view.fund],
    ['Campaign', view.campaign],
    ['Paid with', view.payment_method],
    ...view.details.map(({ label, value }): [string, string] => [label, value]),
    ['Issued', view.issued_on],
    ['Reference', view.donation_id],
  ];
  for (const [label, value] of facts) if (value !== null) writeFact(writer, label, value);
  writer.rule(LINE);
}

function writeFact(writer: PdfWriter, label: string, text: string): void {
  writer.rule(LINE);
  writer.space(5);
  writer.row([
    { text: label, ...LABEL, style: { ...BODY, color: GREY } },
    { text, ...VALUE, style: BODY },
  ]);
  writer.space(5);
}

const AMOUNT = { x: TEXT_WIDTH - 150, width: 150 };
const GIFT = { x: 130, width: TEXT_WIDTH - 290 };

/** The list of a statement. */
function writeGifts(writer: PdfWriter, view: ReceiptView): void {
  writeFact(writer, 'Donor', [view.donor.name, ...view.donor.address].join('\n'));
  writeFact(writer, 'Issued', view.issued_on);
  writer.rule(LINE);
  writer.space(14);
  const line = (left: string, middle: string, right: string, style = BODY) => {
    writer.rule(LINE);
    writer.space(4);
    writer.row([
      { text: left, ...LABEL, style },
      { text: middle, ...GIFT, style },
      { text: right, ...AMOUNT, style: { ...style, align: 'right' } },
    ]);
    writer.space(4);
  };
  line('Date received', 'Fund', 'Amount', { ...BODY, color: GREY });
  for (const { received_on, fund, note, amount } of view.gifts) {
    const about = [fund, note].filter((text) => text !== null).join('\n');
    line(received_on, about, amount);
  }
  for (const { amount, deductible } of view.totals) {
    line('Total', '', amount, { ...BODY, weight: 600 });
    line('Deductible', '', deductible);
  }
  writer.rule(LINE);
}
