import { createInterface } from 'node:readline/promises';
import { UserError } from '../../../lib/errors.ts';
import { DATE_ORDERS, type DateOrder } from '../../../lib/imports/check/dates.ts';
import { FIELDS, type Field, synonymOf } from '../../../lib/imports/map/fields.ts';
import type { SavedMapping } from '../../../lib/imports/map/mapping.ts';
import type { NamedMapping } from '../../../lib/imports/map/saved.ts';
import { saveMapping } from '../../../lib/imports/map/saved.ts';
import { UnmappedError } from '../../../lib/imports/map/unmapped.ts';
import type { OpenedFile } from '../../../lib/imports/open.ts';
import type { LocalStore } from '../../../lib/local/sqlite.ts';
import { plain, say } from '../../../lib/output/io.ts';
import type { Context } from '../../context.ts';

const WHOLE_NAME_HAS: ReadonlySet<Field> = new Set(['first_name', 'last_name']);

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

/** Asks for each fact that no column name gives, until every column has a meaning. */
async function ask(context: Context, { header, sample }: UnmappedError): Promise<SavedMapping> {
  const { io } = context;
  const columns: SavedMapping['columns'] = {};
  header.forEach((name, i) => {
    const said = synonymOf(name) ?? null;
    columns[name] = Object.values(columns).includes(said) ? null : said;
    const values = sample.map((cells) => String(cells[i] ?? '').slice(0, 24)).join(' | ');
    const field = columns[name];
    say(
      io,
      plain(`  ${String(i + 1).padStart(3)}  ${name}: ${values}${field ? ` → ${field}` : ''}`),
    );
  });
  for (const field of ASKED) {
    const known = Object.values(columns);
    if (known.includes(field) || (WHOLE_NAME_HAS.has(field) && known.includes('donor_name')))
      continue;
    const free = header.filter((name) => columns[name] === null);
    if (free.length === 0) break;
    const name = await askColumn(context, field, header, free);
    if (name !== undefined) columns[name] = field;
  }
  const isAmbiguous = header.some(
    (name, i) =>
      columns[name]?.endsWith('_date') &&
      sample.some((cells) => /^\d{1,2}\D\d{1,2}\D\d{2,4}\b/.test(String(cells[i] ?? ''))),
  );
  const dates = isAmbiguous ? await askDates(context) : undefined;
  return { columns, ...(dates ? { dates } : {}) };
}

/** @returns the name of a column that has no meaning yet; undefined when the person answers that there is none. */
async function askColumn(
  context: Context,
  field: Field,
  header: string[],
  free: string[],
): Promise<string | undefined> {
  for (;;) {
    const answer = await question(
      context,
      `Which column is the ${field} (${FIELDS[field]})? [number, or nothing] `,
    );
    if (answer === '') return undefined;
    const name = header[Number(answer) - 1] ?? answer;
    if (free.includes(name)) return name;
    const places = free.map((each) => header.indexOf(each) + 1).join(', ');
    say(context.io, plain(`"${answer}" is not one of ${places}.`));
  }
}

async function askDates(context: Context): Promise<DateOrder | undefined> {
  for (;;) {
    const answer = await question(context, 'How are dates written? [mdy, dmy, or nothing] ');
    if (answer === '') return undefined;
    const order = DATE_ORDERS.find((each) => each === answer.toLowerCase());
    if (order) return order;
    say(context.io, plain(`"${answer}" is neither mdy (12/31/2026) nor dmy (31/12/2026).`));
  }
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
