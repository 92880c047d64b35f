import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { say } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';
import type { Imported } from '../../lib/webhooks/import-events.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const COLUMNS: Column<Imported>[] = [
  { name: 'event_count', header: 'EVENTS', value: (row) => row.events },
  { name: 'unreadable', header: 'UNREADABLE', value: (row) => row.unreadable },
  { name: 'ours', header: 'OURS', value: (row) => row.ours },
  { name: 'new', header: 'NEW', value: (row) => row.fresh },
  { name: 'unknown', header: 'UNKNOWN', value: (row) => row.unknown },
  {
    name: 'settled',
    header: 'SETTLED',
    value: (row) => row.settled,
    text: (row) => String(row.settled.length),
  },
];

/** `donations receipts evidence`: what the mail provider reports about mails. */
export function receiptsEvidenceCommand(context: Context): Command {
  return new Command('evidence')
    .description("SendGrid's records of the mails")
    .usage('<command> [options]')
    .helpCommand(false)
    .addCommand(importCommand(context));
}

/** `donations receipts evidence import <file>`: takes SendGrid's events from a file. */
function importCommand(context: Context): Command {
  const command = new Command('import')
    .description('resolve held receipts with a file of the events that SendGrid posts')
    .argument('<file>', 'JSON: an array of events, or one in each line; - for stdin');
  return examples(withOutput(command, COLUMNS), [
    [
      'donations receipts evidence import events.json',
      'the listener was down, the events were kept',
    ],
    ['cat *.ndjson | donations receipts evidence import -', 'from several files'],
  ]).action(async (file: string, options: OutputOptions) => {
    const [{ importMailEvents }, text] = await Promise.all([
      import('../../lib/webhooks/import-events.ts'),
      readText(file),
    ]);
    const imported = await importMailEvents(await context.db(), text);
    renderOne(context.io, options, COLUMNS, imported);
    if (chosenFormat(options).format === 'table')
      say(context.io, 'Next: donations receipts list --held');
  });
}

async function readText(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
