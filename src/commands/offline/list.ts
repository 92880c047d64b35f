import { Command } from 'commander';
import { listOffline, type OfflineGift } from '../../lib/imports/offline.ts';
import { say } from '../../lib/output/io.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { withImportStore } from '../import/shared/open-store.ts';
import { donorColumn } from '../shared/donor-column.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const donorOf = ({ fields }: OfflineGift) => ({
  id: null,
  name: fields.organization ?? fields.donor_name ?? null,
  email: fields.email ?? null,
});

const COLUMNS: Column<OfflineGift>[] = [
  { name: 'gift', header: 'GIFT', value: ({ id }) => id, isId: true },
  {
    name: 'status',
    header: 'STATUS',
    value: ({ pushedAt }) => (pushedAt ? 'pushed' : 'waiting'),
    tone: ({ pushedAt }) => (pushedAt ? 'good' : 'warn'),
  },
  { name: 'amount', header: 'AMOUNT', value: ({ fields }) => fields.amount, align: 'right' },
  { name: 'currency', header: 'CURRENCY', value: ({ fields }) => fields.currency },
  { name: 'method', header: 'METHOD', value: ({ fields }) => fields.method },
  {
    ...donorColumn(donorOf),
    text: (gift) => donorOf(gift).name ?? gift.fields.email ?? '',
  },
  { name: 'given_on', header: 'DATE', value: ({ fields }) => fields.gift_date },
  { name: 'taken_at', header: 'TAKEN', value: ({ takenAt }) => takenAt, minor: true },
  { name: 'pushed_at', header: 'PUSHED', value: ({ pushedAt }) => pushedAt, wide: true },
];

/** `donations offline list`: the gifts on this machine. */
export function offlineListCommand(context: Context): Command {
  const command = new Command('list')
    .description('gifts on this machine that wait to be pushed')
    .option('--all', 'those that were pushed too');
  return examples(withOutput(command, COLUMNS), [
    ['donations offline list', 'what waits'],
    ['donations offline list --all --json', 'everything, for a script'],
  ]).action(async (options: OutputOptions & { all?: boolean }) => {
    await withImportStore(context, async (store) => {
      const gifts = listOffline(store, { all: options.all === true });
      render(context.io, options, COLUMNS, gifts, { empty: 'No gifts wait on this machine.' });
      if (gifts.some(({ pushedAt }) => !pushedAt))
        say(context.io, 'Push them: donations offline push');
    });
  });
}
