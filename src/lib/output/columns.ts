import { textWidth } from './width.ts';

/** The blanks between two columns. */
export const SPACE_BETWEEN = 2;
/** Wide enough for a date, a state or a short name. Columns are omitted before one gets narrower. */
const READABLE = 12;
/** No column is made narrower than this to make room for others. */
const NARROWEST = 8;

/** A column's content and priority. */
export interface ColumnRoom {
  header: string;
  /** The texts of the column's cells. */
  texts: string[];
  /** Omitted when there is not enough room. */
  minor?: boolean | undefined;
  /** Not made narrower than its texts. */
  whole?: boolean | undefined;
  /** The least width in which it says enough; 12 by default. Minor columns are omitted for it. */
  readable?: number | undefined;
}

/**
 * Chooses the columns that fit in a terminal of `total` columns, and their widths. While not all
 * columns fit in a readable width, the last minor one is omitted. Longer texts must be cut
 * (`fitText`).
 */
export function fitColumns<Room extends ColumnRoom>(
  columns: Room[],
  total: number,
): { column: Room; width: number }[] {
  const shown = columns.map((column) => ({ column, width: widthOf(column) }));
  const needed = () => {
    const widths = shown.map(({ column, width }) =>
      column.whole ? width : Math.min(column.readable ?? READABLE, width),
    );
    return sum(widths) + SPACE_BETWEEN * (shown.length - 1);
  };
  while (needed() > total) {
    const last = shown.findLastIndex(({ column }) => column.minor);
    if (last < 0) break;
    shown.splice(last, 1);
  }
  const whole = shown.filter(({ column }) => column.whole);
  const others = shown.filter(({ column }) => !column.whole);
  const taken = sum(whole.map(({ width }) => width + SPACE_BETWEEN));
  const widths = fitWidths(
    others.map(({ width }) => width),
    total - taken,
  );
  for (const [i, each] of others.entries()) each.width = widths[i] ?? NARROWEST;
  return shown;
}

function widthOf({ header, texts }: ColumnRoom): number {
  let width = textWidth(header);
  for (const text of texts) width = Math.max(width, textWidth(text));
  return width;
}

/** Shrinks the widest column until all fit. */
function fitWidths(widths: number[], total: number): number[] {
  const fitted = [...widths];
  const room = total - SPACE_BETWEEN * (widths.length - 1);
  while (sum(fitted) > room) {
    const widest = Math.max(...fitted);
    if (widest <= NARROWEST) break;
    // Shrinks to the next widest in one step, because a cell can be very long.
    const next = Math.max(NARROWEST, ...fitted.filter((width) => width < widest));
    const many = fitted.filter((width) => width === widest).length;
    const step = Math.max(1, Math.min(widest - next, Math.floor((sum(fitted) - room) / many)));
    let over = sum(fitted) - room;
    for (const [i, width] of fitted.entries()) {
      if (width !== widest || over <= 0) continue;
      fitted[i] = width - Math.min(step, over);
      over -= step;
    }
  }
  return fitted;
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
