import Table from 'cli-table3';

/** Prints rows as a table. */
export function printTable(head: string[], rows: (string | number)[][]): void {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...rows);
  process.stdout.write(`${table.toString()}\n`);
}

/** The middle value. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A ratio and whether it keeps its limit. */
export function verdict(ratio: number, limit: number, kind: 'at least' | 'at most'): string {
  const kept = kind === 'at least' ? ratio >= limit : ratio <= limit;
  return `${ratio.toFixed(2)} (${kind} ${limit}: ${kept ? 'kept' : 'MISSED'})`;
}
