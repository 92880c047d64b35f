import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { plain, say } from '../../lib/output/io.ts';
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

const MOST_SHOWN = 20;

const COLUMNS: Column<Imported>[] = [
  { name: 'event_count', header: 'EVENTS', value: (row) => row.events },
  { name: 'unreadable', header: 'UNREADABLE', value: (row) => row.unreadable },
  { name: 'ours', header: 'OURS', value: (row) => row.ours },
  { name: 'new', header: 'NEW', value: (row) => row.fresh },
  { name: 'unknown', header: 'UNKNOWN', value: (row) => row.unknown },
  { name: 'unmatched', header: 'UNMATCHED', value: (row) => row.unmatched },
  {
    name: 'possible',
    header: 'POSSIBLE',
    value: (row) => row.possible,
    text: (row) => String(row.possible.length),
  },
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
    .description('resolve held receipts with a file of SendGrid’s events')
    .argument(
      '<file>',
      'the JSON that SendGrid posts (an array, or an event in each line), or the CSV of its Activity page; - for stdin',
    );
  return examples(withOutput(command, COLUMNS), [
    [
      'donations receipts evidence import events.json',
      'the listener was down, the events were kept',
    ],
    ['donations receipts evidence import activity.csv', 'exported from SendGrid’s Activity page'],
    ['cat *.ndjson | donations receipts evidence import -', 'from several files'],
  ]).action(async (file: string, options: OutputOptions) => {
    const [{ importMailEvents }, text] = await Promise.all([
      import('../../lib/webhooks/import-events.ts'),
      readText(file),
    ]);
    const imported = await importMailEvents(await context.db(), text);
    renderOne(context.io, options, COLUMNS, imported);
    if (chosenFormat(options).format !== 'table') return;
    for (const { receipt, email, line, event, at } of imported.possible.slice(0, MOST_SHOWN))
      say(
        context.io,
        `Receipt ${receipt} stays held: line ${line} (${event}, ${at.toISOString()}) is to ${plain(email)} too, but does not say that it is this mail.`,
      );
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
