import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { findBatch } from '../../lib/imports/stage/batches.ts';
import { rejectedRows } from '../../lib/imports/stage/rejects.ts';
import { countRows } from '../../lib/imports/stage/rows.ts';
import { say } from '../../lib/output/io.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withImportStore } from './shared/open-store.ts';

/** `donations import rejects`: the rejected rows, to be corrected and imported again. */
export function importRejectsCommand(context: Context): Command {
  const command = new Command('rejects')
    .description('write the rejected rows in the file’s own columns, with the reasons')
    .argument('<import>', 'its id, or the beginning of it')
    .option('-o, --out <file>', 'where to; stdout if not given');
  return examples(command, [
    ['donations import rejects bat_01 -o rejected.csv', 'to correct them in a spreadsheet'],
    ['donations import offline rejected.csv', 'when they are corrected'],
  ]).action(async (id: string, { out }: { out?: string }) => {
    const { io } = context;
    await withImportStore(context, async (store) => {
      const batch = findBatch(store, id);
      const { rejected } = countRows(store, batch.id);
      const text = Readable.from(rejectedRows(store, batch));
      if (out === undefined) {
        for await (const piece of text) io.stdout.write(piece);
        return;
      }
      try {
        // Never overwrites a file: it may be the one that a person corrects.
        await pipeline(text, createWriteStream(resolve(io.cwd, out), { flags: 'wx', mode: 0o600 }));
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw usageError(
          code === 'EEXIST' ? `${out} is there already` : `cannot write ${out}: ${message}`,
          'Choose another name.',
        );
      }
      say(
        io,
        `${rejected} rejected rows are in ${out}. Corrected: donations import offline ${out}`,
      );
    });
  });
}
