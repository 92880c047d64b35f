import { textWidth } from './width.ts';

/** Between two columns. */
export const SPACE_BETWEEN = 2;
/** A column is not made narrower than this to make room for others. */
const NARROWEST = 8;

/** What is known of a column before it is drawn. */
export interface ColumnRoom {
  header: string;
  /** The column's cells as they would be shown. */
  texts: string[];
  /** Left out where there is too little room for it. */
  minor?: boolean | undefined;
}

/**
 * The columns that a terminal of `total` columns has room for and how wide each is: all of them if
 * none has to be squeezed beyond reading, else without the minor ones. What is too wide is to be
 * cut (`fitText`).
 */
export function fitColumns<Room extends ColumnRoom>(
  columns: Room[],
  total: number,
): { column: Room; width: number }[] {
  const needed = (shown: Room[]) => {
    const widths = shown.map((column) => Math.min(NARROWEST, widthOf(column)));
    return sum(widths) + SPACE_BETWEEN * (shown.length - 1);
  };
  const shown = needed(columns) > total ? columns.filter(({ minor }) => !minor) : columns;
  const widths = fitWidths(shown.map(widthOf), total);
  return shown.map((column, i) => ({ column, width: widths[i] ?? NARROWEST }));
}

function widthOf({ header, texts }: ColumnRoom): number {
  let width = textWidth(header);
  for (const text of texts) width = Math.max(width, textWidth(text));
  return width;
}

/** Takes from the widest column until all fit. */
function fitWidths(widths: number[], total: number): number[] {
  const fitted = [...widths];
  const room = total - SPACE_BETWEEN * (widths.length - 1);
  while (sum(fitted) > room) {
    const widest = Math.max(...fitted);
    if (widest <= NARROWEST) break;
    // Down to the next widest at once: a cell may be a page long.
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
