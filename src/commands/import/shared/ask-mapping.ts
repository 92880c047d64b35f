import { createInterface } from 'node:readline/promises';
import { UserError } from '../../../lib/errors.ts';
import { FIELDS, type Field } from '../../../lib/imports/map/fields.ts';
import type { SavedMapping } from '../../../lib/imports/map/mapping.ts';
import type { NamedMapping } from '../../../lib/imports/map/saved.ts';
import { saveMapping } from '../../../lib/imports/map/saved.ts';
import { UnmappedError } from '../../../lib/imports/map/unmapped.ts';
import type { OpenedFile } from '../../../lib/imports/open.ts';
import type { LocalStore } from '../../../lib/local/sqlite.ts';
import { plain, say } from '../../../lib/output/io.ts';
import type { Context } from '../../context.ts';

// What is asked for, in this order; an empty answer leaves it out.
const ASKED: Field[] = [
  'amount',
  'gift_date',
  'donor_name',
  'first_name',
  'last_name',
  'organization',
  'email',
  'currency',
  'method',
  'check_number',
  'fund',
  'source_id',
];

/**
 * Opens a file. If its columns are unknown and a terminal is there, shows its first rows and asks
 * what they mean.
 */
export async function openOrAsk(
  context: Context,
  store: LocalStore,
  quiet: boolean,
  open: (saved?: NamedMapping) => Promise<OpenedFile>,
): Promise<OpenedFile> {
  try {
    return await open();
  } catch (error) {
    const { stdin, stderr } = context.io;
    if (!(error instanceof UnmappedError) || quiet || !stdin.isTTY || !stderr.isTTY) throw error;
    say(context.io, plain(error.message));
    const mapping = await ask(context, error);
    return open(await keep(context, store, mapping));
  }
}

async function ask(context: Context, { header, sample }: UnmappedError): Promise<SavedMapping> {
  const { io } = context;
  header.forEach((name, i) => {
    const values = sample.map((cells) => String(cells[i] ?? '').slice(0, 24));
    say(io, plain(`  ${String(i + 1).padStart(3)}  ${name}: ${values.join(' | ')}`));
  });
  const columns: SavedMapping['columns'] = Object.fromEntries(header.map((name) => [name, null]));
  for (const field of ASKED) {
    const answer = await question(
      context,
      `Which column is the ${field} (${FIELDS[field]})? [number, or nothing] `,
    );
    const name = header[Number(answer) - 1];
    if (name !== undefined) columns[name] = field;
  }
  const dates = await question(context, 'How are dates written? [ymd, mdy, dmy, or nothing] ');
  return {
    columns,
    ...(dates === 'ymd' || dates === 'mdy' || dates === 'dmy' ? { dates } : {}),
  };
}

async function keep(
  context: Context,
  store: LocalStore,
  mapping: SavedMapping,
): Promise<NamedMapping> {
  const name = await question(context, 'Keep this mapping under a name? [name, or nothing] ');
  if (name === '') return { name: 'what was answered', mapping };
  saveMapping(store, { name, mapping }, context.clock.now());
  say(context.io, `Kept. The next time: --map ${name}`);
  return { name, mapping };
}

async function question({ io, signal }: Context, text: string): Promise<string> {
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return (await lines.question(text, { signal })).trim();
  } catch {
    throw new UserError(
      'confirmation_needed',
      'the columns are not mapped',
      'Say it with --map FILE.',
    );
  } finally {
    lines.close();
  }
}
