/** Text, or a number where a workbook says so. */
export type Cell = string | number;

export interface RawRow {
  /** The line of a text on which it begins, or the row of a sheet; from 1. */
  line: number;
  cells: Cell[];
}
