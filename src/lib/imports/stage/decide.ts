import { createHash } from 'node:crypto';
import { usageError } from '../../errors.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import { STAGED_COLUMNS } from './copy-text.ts';
import { getRow, pagesOfRows, type StagedRow, setGifts, setVerdicts } from './rows.ts';

const NAMES = Object.keys(STAGED_COLUMNS);
const [FINGERPRINT, SOURCE, SOURCE_ID] = ['fingerprint', 'source', 'source_id'].map((name) =>
  NAMES.indexOf(name),
) as [number, number, number];

/**
 * Decides rows that need a look: those accepted are imported as gifts of their own, those skipped are
 * not. Rejected rows can only be skipped.
 * @param lines `all`, or lines as in `12,15-20`.
 * @returns how many.
 */
export function decideRows(
  store: LocalStore,
  batch: string,
  decision: 'accept' | 'skip',
  lines: string,
  actor: string,
): number {
  const wanted: ('suspect' | 'rejected')[] =
    decision === 'accept' ? ['suspect'] : ['suspect', 'rejected'];
  const rows = lines.trim() === 'all' ? allOf(store, batch, wanted) : named(store, batch, lines);
  for (const { line, verdict } of rows) {
    if (wanted.some((each) => each === verdict)) continue;
    throw usageError(
      `line ${line} of ${batch} is ${verdict}: it cannot be ${decision === 'accept' ? 'accepted' : 'skipped'}`,
      verdict === 'rejected'
        ? 'Correct it: donations import rejects BATCH -o FILE'
        : 'See donations import show BATCH.',
    );
  }
  if (decision === 'accept') for (const row of rows) setGifts(store, batch, row.line, ownIds(row));
  setVerdicts(
    store,
    batch,
    rows.map(({ line, reasons }) => ({
      line,
      verdict: decision === 'accept' ? ('new' as const) : ('skipped' as const),
      reasons: [`${decision === 'accept' ? 'accepted' : 'skipped'} by ${actor}`, ...reasons],
    })),
  );
  return rows.length;
}

const allOf = (store: LocalStore, batch: string, verdicts: ('suspect' | 'rejected')[]) =>
  [...pagesOfRows(store, batch, verdicts)].flat();

const MOST_LINES = 100_000;

function named(store: LocalStore, batch: string, lines: string): StagedRow[] {
  const numbers = new Set<number>();
  for (const part of lines.split(',')) {
    const match = /^\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*$/.exec(part);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || to < from || to - from > MOST_LINES)
      throw usageError(`"${part}" is not a line`, 'Write lines like 12,15-20, or all.');
    for (let line = from; line <= to; line++) numbers.add(line);
  }
  return [...numbers].map((line) => {
    const row = getRow(store, batch, line);
    if (!row) throw usageError(`${batch} has no row on line ${line}`);
    return row;
  });
}

/** A gift that is accepted though another has its id or says the same has an identity of its own. */
function ownIds({ line, gifts, reasons }: StagedRow): string[] {
  if (!reasons.some((reason) => reason.startsWith('its id '))) return gifts;
  return gifts.map((gift) => {
    const cells = gift.split('\t');
    cells[SOURCE_ID] = `${cells[SOURCE_ID]} (line ${line})`;
    cells[FINGERPRINT] = createHash('md5')
      .update(`id\0${cells[SOURCE]}\0${cells[SOURCE_ID]}\0own`)
      .digest('hex');
    return cells.join('\t');
  });
}
