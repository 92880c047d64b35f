import type { DonorPage } from '../../../lib/donors/page.ts';
import { type Io, paint, plain, print, say } from '../../../lib/output/io.ts';
import { type Column, type OutputOptions, render } from '../../../lib/output/render.ts';
import { plural } from '../../../lib/output/text.ts';
import { DONATION_COLUMNS } from '../../shared/donation-columns.ts';
import { CARD_COLUMNS, DOUBLE_COLUMNS, MAIL_COLUMNS, RECEIPT_COLUMNS } from './donor-fields.ts';

/** Prints everything about one donor. */
export function tellDonor(io: Io, page: DonorPage, options: OutputOptions): void {
  print(io, `${paint(io, 'bold', plain(page.name))}  ${page.id}`);
  if (page.emails.length > 0) print(io, page.emails.map(plain).join(', '));
  if (page.address.length > 0) print(io, page.address.map(plain).join(', '));
  for (const { source, id } of page.sources) print(io, `${plain(source)}: ${plain(id)}`);
  if (!page.mayBeMailed) print(io, 'does not want to be mailed');
  const section = <Row>(title: string, columns: Column<Row>[], rows: Row[]) => {
    if (rows.length === 0) return;
    print(io, `\n${paint(io, 'bold', title)}`);
    render(io, { wide: options.wide }, columns, rows);
  };
  const count = `${page.moreGifts ? 'more than ' : ''}${plural(page.giftCount, 'gift')}`;
  section(count, DONATION_COLUMNS, page.gifts);
  section('Receipts', RECEIPT_COLUMNS, page.receipts);
  section('Cards', CARD_COLUMNS, page.cards);
  section('Mails', MAIL_COLUMNS, page.mails);
  section('Possible double gifts: the same amount within a day', DOUBLE_COLUMNS, page.doubles);
  if (page.giftCount === 0) print(io, '\nNo gifts.');
  if (page.giftCount > page.gifts.length)
    say(
      io,
      `All gifts: donations list --donor ${page.id} --limit ${Math.min(page.giftCount, 10_000)}`,
    );
}
