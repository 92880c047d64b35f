import { Command } from 'commander';
import { csvCell } from '../../lib/imports/csv-cell.ts';
import { FIELD_NAMES, FIELDS } from '../../lib/imports/map/fields.ts';
import { templateRows } from '../../lib/imports/map/template.ts';
import { print } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';

/** `donations import template`: a CSV file to fill in. */
export function importTemplateCommand(context: Context): Command {
  const command = new Command('template')
    .description('write a CSV file with every column and two example gifts')
    .addHelpText(
      'after',
      `\nColumns:\n${FIELD_NAMES.map((name) => `  ${name.padEnd(22)}${FIELDS[name]}`).join('\n')}`,
    );
  return examples(command, [
    ['donations import template > gifts.csv', 'fill it in with a spreadsheet program'],
    ['donations import template | donations import check -', 'what it holds'],
  ]).action(() => {
    for (const row of templateRows())
      print(context.io, row.map((cell) => csvCell(cell, ',')).join(','));
  });
}
