import { Command } from 'commander';
import type { ListedImport } from '../../lib/imports/list.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { type PagingOptions, sayPage, withPaging } from '../shared/paging.ts';
import { withImportStore } from './shared/open-store.ts';

const COLUMNS: Column<ListedImport>[] = [
  { name: 'batch', header: 'IMPORT', value: (row) => row.id, isId: true },
  {
    name: 'status',
    header: 'STATUS',
    value: (row) => row.status,
    text: (row) => row.status.replace('_', ' '),
    tone: ({ status }) =>
      status === 'imported' ? 'good' : ['undone', 'nothing_new'].includes(status) ? 'dim' : 'warn',
  },
  { name: 'file', header: 'FILE', value: (row) => row.name },
  { name: 'gift_count', header: 'GIFTS', value: (row) => row.gifts, align: 'right' },
  {
    name: 'totals',
    header: 'TOTAL',
    value: (row) => row.totals,
    text: (row) =>
      Object.entries(row.totals)
        .map(([code, sum]) => `${code} ${sum}`)
        .join(', '),
    align: 'right',
  },
  { name: 'open', header: 'TO DECIDE', value: (row) => row.open, align: 'right' },
  {
    name: 'receipts',
    header: 'RECEIPTS',
    value: (row) => row.receipts,
    align: 'right',
    minor: true,
  },
  { name: 'actor', header: 'BY', value: (row) => row.actor, minor: true },
  { name: 'at', header: 'WHEN', value: (row) => row.at },
  { name: 'kind', header: 'KIND', value: (row) => row.kind, wide: true },
];

/** `donations import list`: imports, in the database and on this machine. */
export function importListCommand(context: Context): Command {
  const command = withPaging(
    new Command('list').description(
      'imports: those in the database, and those begun on this machine',
    ),
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations import list', 'the newest first'],
    ['donations import list --json=batch,status,totals', 'for a script'],
  ]).action(async (options: OutputOptions & PagingOptions) => {
    const limit = parseCount(options.limit, { max: 10_000 });
    await withImportStore(context, async (store) => {
      const { listImports } = await import('../../lib/imports/list.ts');
      const { imports, next, total } = await context.read((tx) =>
        listImports(tx, store, { limit, after: options.after }),
      );
      render(context.io, options, COLUMNS, imports, { empty: 'No imports.' });
      sayPage(context, imports.length, { total, next, one: 'import' });
    });
  });
}
