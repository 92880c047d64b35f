import { idMaker } from '../../ids.ts';
import type { LocalStore } from '../../local/sqlite.ts';
import type { ImportedGift } from '../check/gift.ts';
import { fingerprintOf, OccurrenceCounter } from '../check/identity.ts';
import type { OpenedFile } from '../open.ts';
import type { Cell } from '../read/cells.ts';
import { fromCopyText, toCopyText } from './copy-text.ts';
import { insertRow, pagesOfRows, type StagedRow, setVerdicts } from './rows.ts';

/** What was read of a file. Totals are minor units of the gifts in rows without a fault. */
export interface Staged {
  rows: number;
  rejected: number;
  skipped: number;
  /** Rows with the id of a row above. They are not in the totals. */
  repeated: number;
  totals: Map<string, bigint>;
  leftOut: { line: number; why: string; text: string }[];
  leftOutMore: number;
  /** Rows that say exactly what another row says, and have no id: counted, and taken for gifts. */
  alike: number;
}

const TRANSACTION = 2000;
const REMEMBERED_LINES = 50;
const REMOVED = '[card number removed]';

/**
 * Reads all rows of a file, checks each, and stages it.
 * @param store undefined: rows are only counted.
 * @param stop ends it between two chunks.
 */
export async function stageRows(
  { table, check }: OpenedFile,
  {
    store,
    batch,
    signal,
    onRows,
    onRow,
  }: {
    store: LocalStore | undefined;
    batch: string;
    signal: AbortSignal;
    onRows: (rows: number) => void;
    /** Hears of each row as it would be staged. */
    onRow?: (row: StagedRow) => void;
  },
): Promise<Staged> {
  const staged: Staged = {
    rows: 0,
    rejected: 0,
    skipped: 0,
    repeated: 0,
    totals: new Map(),
    leftOut: [],
    leftOutMore: 0,
    alike: 0,
  };
  const counter = new OccurrenceCounter();
  const nextId = idMaker('donation');
  const repeated: { line: number; fingerprint: string }[] = [];
  const toStaged = (line: number, cells: Cell[]): StagedRow => {
    const checked = check(cells);
    if (checked.kind === 'rejected') {
      staged.rejected++;
      const kept = checked.hasCard ? cells.map((cell) => withoutCard(cell)) : cells;
      return { line, verdict: 'rejected', reasons: checked.reasons, gifts: [], cells: kept };
    }
    if (checked.kind === 'skipped') {
      staged.skipped++;
      return { line, verdict: 'skipped', reasons: [checked.reason], gifts: [], cells: undefined };
    }
    let twin = false;
    const gifts = checked.gifts.map((gift) => {
      const fingerprint = fingerprintOf(gift);
      const occurrence = counter.next(fingerprint);
      if (occurrence > 1 && gift.sourceId !== undefined) {
        twin = true;
        repeated.push({ line, fingerprint });
      } else {
        add(staged.totals, gift);
        if (occurrence > 1) staged.alike++;
      }
      return toCopyText(gift, { line, donationId: nextId(), fingerprint, occurrence });
    });
    if (twin) staged.repeated++;
    return {
      line,
      verdict: twin ? 'duplicate' : 'new',
      reasons: [],
      gifts,
      cells: twin ? cells : undefined,
    };
  };

  let waiting: StagedRow[] = [];
  const write = () => {
    if (store)
      store.transaction(() => {
        for (const row of waiting) insertRow(store, batch, row);
      });
    waiting = [];
  };
  const onLeftOut = (line: number, why: string, text: string) => {
    if (staged.leftOut.length < REMEMBERED_LINES)
      staged.leftOut.push({ line, why, text: text.slice(0, 200) });
    else staged.leftOutMore++;
  };
  for await (const rows of table.rows(onLeftOut)) {
    signal.throwIfAborted();
    for (const { line, cells } of rows) {
      const row = toStaged(line, cells);
      onRow?.(row);
      waiting.push(row);
    }
    staged.rows += rows.length;
    if (waiting.length >= TRANSACTION) {
      write();
      onRows(staged.rows);
    }
  }
  write();
  onRows(staged.rows);
  if (store && repeated.length > 0) judgeRepeated(store, batch, repeated);
  return staged;
}

const withoutCard = (cell: Cell): Cell =>
  String(cell).replace(/\D/g, '').length >= 12 ? REMOVED : cell;

const add = (totals: Map<string, bigint>, { currency, amountMinor }: ImportedGift) =>
  totals.set(currency, (totals.get(currency) ?? 0n) + amountMinor);

/** Rows whose id another row above has: duplicates if they are equal, else they need a look. */
function judgeRepeated(
  store: LocalStore,
  batch: string,
  repeated: { line: number; fingerprint: string }[],
): void {
  const firsts = new Map<string, { line: number; gift: string }>();
  const wanted = new Set(repeated.map(({ fingerprint }) => fingerprint));
  const gifts = new Map<string, string>();
  for (const rows of pagesOfRows(store, batch, ['new', 'duplicate'])) {
    for (const row of rows) {
      for (const gift of row.gifts) {
        const [line, , , fingerprint = '', occurrence] = gift.split('\t', 5);
        if (!wanted.has(fingerprint)) continue;
        if (occurrence === '1') firsts.set(fingerprint, { line: Number(line), gift });
        else gifts.set(`${line}:${fingerprint}`, gift);
      }
    }
  }
  setVerdicts(
    store,
    batch,
    repeated.map(({ line, fingerprint }) => {
      const first = firsts.get(fingerprint);
      const gift = gifts.get(`${line}:${fingerprint}`);
      if (!first || !gift) return { line, verdict: 'duplicate' as const, reasons: [] };
      const { source_id } = fromCopyText(gift);
      const difference = differenceOf(first.gift, gift);
      if (difference)
        return {
          line,
          verdict: 'suspect' as const,
          reasons: [
            `its id ${source_id} is that of line ${first.line}, with another ${difference}`,
          ],
        };
      return {
        line,
        verdict: 'duplicate' as const,
        reasons: [`line ${first.line} has the same id ${source_id} and says the same`],
      };
    }),
  );
}

const COMPARED = ['amount_minor', 'currency', 'gift_on', 'donor_name', 'method'] as const;
const WORDS = {
  amount_minor: 'amount',
  currency: 'currency',
  gift_on: 'date',
  donor_name: 'donor',
  method: 'method',
};

/** In what two staged gifts differ that have one id; undefined when they do not. */
function differenceOf(one: string, other: string): string | undefined {
  const [a, b] = [fromCopyText(one), fromCopyText(other)];
  const differing = COMPARED.filter((column) => a[column] !== b[column]);
  return differing.length > 0 ? differing.map((column) => WORDS[column]).join(' and ') : undefined;
}
