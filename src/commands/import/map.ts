import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { FIELD_NAMES, FIELDS } from '../../lib/imports/map/fields.ts';
import { parseMapping } from '../../lib/imports/map/mapping.ts';
import { type ListedMapping, listMappings, saveMapping } from '../../lib/imports/map/saved.ts';
import { say } from '../../lib/output/io.ts';
import { type Column, fieldsOf, type OutputOptions, render } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';
import { withImportStore } from './shared/open-store.ts';

/** `donations import map`: what the columns of your files mean, kept under names. */
export function importMapCommand(context: Context): Command {
  const command = new Command('map')
    .description('keep what the columns of a kind of file mean: save, list')
    .usage('<command> [options]')
    .helpCommand(false)
    .addHelpText(
      'after',
      `\nA mapping is a JSON file:\n  {"columns": {"Gift Amount": "amount", "Given": "gift_date", "Phone": null},\n   "defaults": {"method": "check", "currency": "usd"}, "dates": "mdy", "locale": "en-US"}\n\nFields:\n${FIELD_NAMES.map((name) => `  ${name.padEnd(22)}${FIELDS[name]}`).join('\n')}`,
    );
  command.addCommand(saveCommand(context));
  command.addCommand(listCommand(context));
  return examples(command, [
    ['donations import map save bank bank.json', 'keep a mapping'],
    ['donations import offline wires.csv --map bank', 'use it'],
  ]);
}

const SAVED_FIELDS = fieldsOf('mapping', 'column_count');

function saveCommand(context: Context): Command {
  const command = new Command('save')
    .description('keep the mapping in a JSON file under a name')
    .addArgument(
      new CompletedArgument('<name>', 'up to 60 letters, digits, - and _', recent('mapping')),
    )
    .argument('<file>', 'the mapping, as JSON');
  return examples(withOutput(command, SAVED_FIELDS), [
    ['donations import map save bank bank.json', 'keep it'],
    ['donations import map save bank bank.json', 'again, to replace it'],
  ]).action(async (name: string, file: string, options: OutputOptions) => {
    let text: string;
    try {
      text = readFileSync(resolve(context.io.cwd, file), 'utf8');
    } catch (error) {
      throw usageError(`cannot read ${file}: ${(error as Error).message}`);
    }
    const mapping = parseMapping(text, file);
    await withImportStore(context, async (store) => {
      saveMapping(store, { name, mapping }, context.clock.now());
      const saved = { mapping: name, column_count: Object.keys(mapping.columns).length };
      writeDone(context.io, options, SAVED_FIELDS, saved, () =>
        say(context.io, `Kept. Use it: donations import offline FILE --map ${name}`),
      );
    });
  });
}

const COLUMNS: Column<ListedMapping>[] = [
  { name: 'mapping', header: 'MAPPING', value: (row) => row.name },
  { name: 'column_count', header: 'COLUMNS', value: (row) => row.columns, align: 'right' },
  { name: 'saved_at', header: 'SAVED', value: (row) => row.savedAt },
];

function listCommand(context: Context): Command {
  const command = new Command('list').description('the mappings kept on this machine');
  return examples(withOutput(command, COLUMNS), [
    ['donations import map list', 'by name'],
    ['donations import map list --json', 'for a script'],
  ]).action(async (options: OutputOptions) => {
    await withImportStore(context, async (store) => {
      render(context.io, options, COLUMNS, listMappings(store), { empty: 'No mappings are kept.' });
    });
  });
}
