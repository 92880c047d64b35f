import { fitColumns } from '../src/lib/output/columns.ts';
import { fitText } from '../src/lib/output/width.ts';

/** Prints rows as a table. */
export function printTable(head: string[], rows: (string | number)[][]): void {
  const columns = head.map((header, i) => ({ header, texts: rows.map((row) => String(row[i])) }));
  const fitted = fitColumns(columns, process.stdout.columns || 120);
  const line = (cell: (i: number) => string) =>
    fitted
      .map(({ width }, i) => fitText(cell(i), width))
      .join('  ')
      .trimEnd();
  const lines = [line((i) => head[i] ?? ''), ...rows.map((row) => line((i) => String(row[i])))];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The median. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Formats a ratio and whether it meets its limit. */
export function verdict(ratio: number, limit: number, kind: 'at least' | 'at most'): string {
  const kept = kind === 'at least' ? ratio >= limit : ratio <= limit;
  return `${ratio.toFixed(2)} (${kind} ${limit}: ${kept ? 'kept' : 'MISSED'})`;
}
