import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { findBatch, type StagedBatch } from '../../lib/imports/stage/batches.ts';
import { cellsByColumn, rejectedRows } from '../../lib/imports/stage/rejects.ts';
import { countRows, pagesOfRows, type StagedRow } from '../../lib/imports/stage/rows.ts';
import { type Io, say } from '../../lib/output/io.ts';
import { type Column, chosenFormat, type OutputOptions, render } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { withImportStore } from './shared/open-store.ts';

const COLUMNS = (batch: StagedBatch | undefined): Column<StagedRow>[] => [
  { name: 'line', header: 'LINE', value: (row) => row.line },
  { name: 'reasons', header: 'REASONS', value: (row) => row.reasons },
  { name: 'cells', header: 'CELLS', value: (row) => batch && cellsByColumn(batch, row) },
];

/** `donations import rejects`: the rejected rows, to be corrected and imported again. */
export function importRejectsCommand(context: Context): Command {
  const command = new Command('rejects')
    .description('write the rejected rows in the file’s own columns, with the reasons')
    .addArgument(
      new CompletedArgument('<import>', 'its id, or the beginning of it', recent('import')),
    )
    .option('-o, --out <file>', 'where the CSV file goes; to stdout if not given');
  return examples(withOutput(command, COLUMNS(undefined)), [
    ['donations import rejects bat_01 -o rejected.csv', 'to correct them in a spreadsheet'],
    ['donations import offline rejected.csv', 'when they are corrected'],
    ['donations import rejects bat_01 --json', 'for a script'],
  ]).action(async (id: string, { out, ...output }: OutputOptions & { out?: string }) => {
    const { io } = context;
    const { format } = chosenFormat(output);
    const json = format === 'json' || format === 'ndjson';
    await withImportStore(context, async (store) => {
      const batch = findBatch(store, id);
      const text = () => Readable.from(rejectedRows(store, batch));
      if (out !== undefined) await writeNew(io, out, text());
      if (json) {
        const rows = [...pagesOfRows(store, batch.id, ['rejected'])].flat();
        render(io, output, COLUMNS(batch), rows);
      } else if (out === undefined) {
        for await (const piece of text()) io.stdout.write(piece);
      } else {
        const { rejected } = countRows(store, batch.id);
        say(
          io,
          `${rejected} rejected rows are in ${out}. Corrected: donations import offline ${out}`,
        );
      }
    });
  });
}

/** Never overwrites a file, because a person may have corrected it. */
async function writeNew(io: Io, out: string, text: Readable): Promise<void> {
  try {
    await pipeline(text, createWriteStream(resolve(io.cwd, out), { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usageError(
      code === 'EEXIST' ? `${out} is there already` : `cannot write ${out}: ${message}`,
      'Choose another name.',
    );
  }
}
