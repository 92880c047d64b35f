import { Command } from 'commander';
import type {
  GiftAidPage,
  JudgedGift,
  KeptDeclaration,
} from '../../../lib/donors/gift-aid-page.ts';
import { formatMoney } from '../../../lib/money.ts';
import { type Io, paint, plain, print, say } from '../../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  render,
  renderOne,
  toRecord,
} from '../../../lib/output/render.ts';
import type { Context } from '../../context.ts';
import { CompletedArgument, recent } from '../../shared/completed.ts';
import { donorColumn } from '../../shared/donor-column.ts';
import { examples } from '../../shared/examples.ts';
import { withOutput } from '../../shared/output-options.ts';

const DECLARATIONS: Column<KeptDeclaration>[] = [
  { name: 'declaration', header: 'DECLARATION', value: (d) => d.id, isId: true },
  { name: 'made_on', header: 'MADE', value: (d) => d.madeOn },
  { name: 'how', header: 'HOW', value: (d) => d.how },
  { name: 'covers_from', header: 'FROM', value: (d) => d.coversFrom },
  { name: 'covers_to', header: 'TO', value: (d) => d.coversTo },
  { name: 'withdrawn_on', header: 'WITHDRAWN', value: (d) => d.withdrawnOn },
  { name: 'name', header: 'NAME', value: (d) => d.name },
  {
    name: 'address',
    header: 'HOME ADDRESS',
    value: (d) => d.address,
    text: (d) => [...d.address, d.postalCode ?? ''].filter(Boolean).join(', '),
  },
  { name: 'postcode', header: 'POSTCODE', value: (d) => d.postalCode, wide: true },
  { name: 'record', header: 'RECORD', value: (d) => d.record, wide: true },
  { name: 'confirmed_on', header: 'CONFIRMED', value: (d) => d.confirmedOn, wide: true },
];

const GIFTS: Column<JudgedGift>[] = [
  { name: 'donation', header: 'DONATION', value: (g) => g.donation, isId: true },
  { name: 'given_on', header: 'GIVEN', value: (g) => g.givenOn },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (g) => g.minor,
    text: (g) => formatMoney(g),
    align: 'right',
  },
  { name: 'currency', header: 'CURRENCY', value: (g) => g.currency, wide: true },
  {
    name: 'relief_minor',
    header: 'CLAIM',
    value: (g) => g.reliefMinor,
    text: (g) => (g.why === null ? formatMoney({ ...g, minor: g.reliefMinor }) : ''),
    align: 'right',
  },
  { name: 'reason', header: 'WHY NOT', value: (g) => g.why },
  {
    name: 'declaration',
    header: 'DECLARATION',
    value: (g) => g.declaration,
    isId: true,
    wide: true,
  },
];

const sum = (gifts: JudgedGift[]) =>
  gifts.reduce((total, { reliefMinor }) => total + reliefMinor, 0n);

const FIELDS: Column<GiftAidPage>[] = [
  donorColumn(({ donor, name }) => ({ id: donor, name, email: null })),
  {
    name: 'declarations',
    header: 'DECLARATIONS',
    value: (page) => page.declarations.map((row) => toRecord(DECLARATIONS, row)),
  },
  {
    name: 'gifts',
    header: 'GIFTS',
    value: (page) => page.gifts.map((row) => toRecord(GIFTS, row)),
  },
  { name: 'relief_minor', header: 'CLAIM', value: (page) => sum(page.gifts) },
];

/** `donations donors gift-aid show <donor>`: declarations, and what they cover. */
export function giftAidShowCommand(context: Context): Command {
  const command = new Command('show')
    .description('the Gift Aid declarations of a donor, and what can be claimed for each gift')
    .addArgument(
      new CompletedArgument(
        '<donor>',
        'a part of the name, an e-mail address, an id, or a donation’s id',
        recent('donor', 'donation'),
      ),
    )
    .option('--wide', 'on a terminal, all columns and whole ids');
  return examples(withOutput(command, FIELDS), [
    ['donations donors gift-aid show ada@example.org', 'declarations and gifts'],
    ['donations donors gift-aid show lovelace --json=gifts,relief_minor', 'for a script'],
  ]).action(async (ref: string, options: OutputOptions) => {
    const [{ findDonor }, { describeGiftAid }] = await Promise.all([
      import('../../../lib/donors/find-donor.ts'),
      import('../../../lib/donors/gift-aid-page.ts'),
    ]);
    const page = await context.read(async (tx) =>
      describeGiftAid(tx, await findDonor(tx, ref, 'donations donors gift-aid show')),
    );
    if (chosenFormat(options).format === 'table') tell(context.io, page, options);
    else renderOne(context.io, options, FIELDS, page);
  });
}

function tell(io: Io, page: GiftAidPage, { wide }: OutputOptions): void {
  print(io, `${paint(io, 'bold', plain(page.name))}  ${page.donor}\n`);
  render(io, { wide }, DECLARATIONS, page.declarations, { empty: 'No declarations.' });
  if (page.gifts.length === 0) return;
  print(io, '');
  render(io, { wide }, GIFTS, page.gifts);
  const total = formatMoney({ minor: sum(page.gifts), currency: 'gbp' });
  say(
    io,
    `Claim for ${page.moreGifts ? `the latest ${page.gifts.length} gifts` : 'these gifts'}: ${total}`,
  );
}
