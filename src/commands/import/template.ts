import { Command } from 'commander';
import { csvCell } from '../../lib/imports/csv-cell.ts';
import { FIELD_NAMES, FIELDS, type Field } from '../../lib/imports/map/fields.ts';
import { templateRows } from '../../lib/imports/map/template.ts';
import { print } from '../../lib/output/io.ts';
import { type Column, chosenFormat, type OutputOptions, render } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const [, ...GIFTS] = templateRows();
const COLUMNS: Column<Field>[] = [
  { name: 'field', header: 'COLUMN', value: (field) => field },
  { name: 'meaning', header: 'MEANING', value: (field) => FIELDS[field] },
  {
    name: 'examples',
    header: 'EXAMPLES',
    value: (field) => GIFTS.map((gift) => gift[FIELD_NAMES.indexOf(field)]).filter(Boolean),
  },
];

/** `donations import template`: a CSV file to fill in. */
export function importTemplateCommand(context: Context): Command {
  const command = new Command('template')
    .description('write a CSV file with every column and two example gifts')
    .addHelpText(
      'after',
      `\nColumns:\n${FIELD_NAMES.map((name) => `  ${name.padEnd(22)}${FIELDS[name]}`).join('\n')}`,
    );
  return examples(withOutput(command, COLUMNS), [
    ['donations import template > gifts.csv', 'fill it in with a spreadsheet program'],
    ['donations import template | donations import check -', 'what it holds'],
    ['donations import template --json', 'what each column means'],
  ]).action((options: OutputOptions) => {
    const { format } = chosenFormat(options);
    if (format === 'json' || format === 'ndjson')
      return render(context.io, options, COLUMNS, FIELD_NAMES);
    for (const row of templateRows())
      print(context.io, row.map((cell) => csvCell(cell, ',')).join(','));
  });
}
