import type { LocalStore } from '../../local/sqlite.ts';

/** What is to become of a row. */
export const VERDICTS = {
  new: 1,
  duplicate: 2,
  suspect: 3,
  rejected: 4,
  skipped: 5,
  imported: 6,
} as const;
export type Verdict = keyof typeof VERDICTS;

const VERDICT_OF = Object.fromEntries(
  Object.entries(VERDICTS).map(([name, number]) => [number, name]),
) as Record<number, Verdict>;

/** A staged row of a file. */
export interface StagedRow {
  line: number;
  verdict: Verdict;
  reasons: string[];
  /** Its gifts as rows of COPY. */
  gifts: string[];
  /** The row's own cells, if a person may have to correct it. */
  cells: (string | number)[] | undefined;
}

interface Row {
  line: number;
  verdict: number;
  reasons: string | null;
  gifts: string | null;
  cells: string | null;
}

const fromRow = (row: Row): StagedRow => ({
  line: row.line,
  verdict: VERDICT_OF[row.verdict] as Verdict,
  reasons: row.reasons === null ? [] : (JSON.parse(row.reasons) as string[]),
  gifts: row.gifts === null ? [] : row.gifts.split('\n'),
  cells: row.cells === null ? undefined : (JSON.parse(row.cells) as (string | number)[]),
});

export function insertRow(store: LocalStore, batch: string, row: StagedRow): void {
  store.run(
    'insert into import_rows (batch, line, verdict, reasons, gifts, cells) values (?, ?, ?, ?, ?, ?)',
    batch,
    row.line,
    VERDICTS[row.verdict],
    row.reasons.length > 0 ? JSON.stringify(row.reasons) : null,
    row.gifts.length > 0 ? row.gifts.join('\n') : null,
    row.cells ? JSON.stringify(row.cells) : null,
  );
}

/** Changes what is to become of some rows, in one transaction. */
export function setVerdicts(
  store: LocalStore,
  batch: string,
  rows: { line: number; verdict: Verdict; reasons: string[] }[],
): void {
  store.transaction(() => {
    for (const { line, verdict, reasons } of rows)
      store.run(
        'update import_rows set verdict = ?, reasons = ? where batch = ? and line = ?',
        VERDICTS[verdict],
        reasons.length > 0 ? JSON.stringify(reasons) : null,
        batch,
        line,
      );
  });
}

/** Replaces the gifts of a row. */
export const setGifts = (store: LocalStore, batch: string, line: number, gifts: string[]) =>
  store.run(
    'update import_rows set gifts = ? where batch = ? and line = ?',
    gifts.join('\n'),
    batch,
    line,
  );

/** Which rows to import: the new ones, those that a person accepted, or both. */
export type Which = 'unjudged' | 'accepted' | 'both';

const WHICH: Record<Which, string> = {
  unjudged: 'and reasons is null',
  accepted: 'and reasons is not null',
  both: '',
};

/** The gifts of the rows that are to be imported, as rows of COPY, a page at a time. */
export function* pagesOfGifts(store: LocalStore, batch: string, which: Which): Generator<string[]> {
  const sql = `select line, gifts from import_rows
    where batch = ? and line > ? and verdict = ${VERDICTS.new} ${WHICH[which]} order by line limit ${PAGE}`;
  for (let reached = 0; ; ) {
    const rows = store.all<{ line: number; gifts: string }>(sql, batch, reached);
    if (rows.length > 0) yield rows.map(({ gifts }) => gifts);
    if (rows.length < PAGE) return;
    reached = rows.at(-1)?.line ?? reached;
  }
}

const PAGE = 2000;

/** The rows of a batch with any of these verdicts, by line, a page at a time. */
export function* pagesOfRows(
  store: LocalStore,
  batch: string,
  verdicts: Verdict[],
  after = 0,
): Generator<StagedRow[]> {
  const numbers = verdicts.map((verdict) => VERDICTS[verdict]);
  const sql = `select line, verdict, reasons, gifts, cells from import_rows
    where batch = ? and line > ? and verdict in (${numbers.join(', ')}) order by line limit ${PAGE}`;
  let reached = after;
  for (;;) {
    const rows = store.all<Row>(sql, batch, reached).map(fromRow);
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE) return;
    reached = rows.at(-1)?.line ?? reached;
  }
}

/** The first rows of a verdict. */
export const sampleRows = (store: LocalStore, batch: string, verdict: Verdict, count: number) =>
  store
    .all<Row>(
      `select line, verdict, reasons, gifts, cells from import_rows
       where batch = ? and verdict = ? order by line limit ?`,
      batch,
      VERDICTS[verdict],
      count,
    )
    .map(fromRow);

export type Counts = Record<Verdict, number>;

/** How many rows of a batch have each verdict. */
export function countRows(store: LocalStore, batch: string): Counts {
  const counts: Counts = { new: 0, duplicate: 0, suspect: 0, rejected: 0, skipped: 0, imported: 0 };
  for (const { verdict, count } of store.all<{ verdict: number; count: number }>(
    'select verdict, count(*) as count from import_rows where batch = ? group by verdict',
    batch,
  ))
    counts[VERDICT_OF[verdict] as Verdict] = count;
  return counts;
}

export function getRow(store: LocalStore, batch: string, line: number): StagedRow | undefined {
  const row = store.get<Row>(
    'select line, verdict, reasons, gifts, cells from import_rows where batch = ? and line = ?',
    batch,
    line,
  );
  return row && fromRow(row);
}
