import type { ReceiptPdf } from './pdf.ts';
import type { ViewFormatters } from './view.ts';

/**
 * Makes PDF documents of receipts. What that takes is loaded with the first one, since most processes
 * make none.
 */
export function createPdfMaker(format: ViewFormatters): ReceiptPdf['render'] {
  let loaded: Promise<ReceiptPdf> | undefined;
  return async (receipts) => {
    loaded ??= import('./pdf.ts').then(({ loadReceiptPdf }) => loadReceiptPdf(format));
    return (await loaded).render(receipts);
  };
}
