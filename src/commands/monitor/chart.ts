import type { Glyphs } from './theme.ts';

/**
 * A column chart: lines from top to bottom, each `width` cells. Every value gets the same number of
 * cells; the rest stays blank on the left, so that now is always at the right edge.
 */
export function drawColumns(
  values: (number | null)[],
  { width, height, max, levels }: { width: number; height: number; max: number; levels: string[] },
): string[] {
  if (values.length > width)
    return drawColumns(values.slice(-width), { width, height, max, levels });
  const cells = cellsEach(values.length, width);
  const blank = ' '.repeat(width - cells * values.length);
  const steps = levels.length - 1;
  return Array.from({ length: height }, (_, row) => {
    const below = (height - 1 - row) * steps;
    const cellsOf = (value: number | null) => {
      // Something is never drawn as nothing.
      const level =
        value === null || value <= 0
          ? 0
          : Math.max(1, Math.round((Math.min(value, max) / max) * height * steps));
      return (levels[Math.max(0, Math.min(steps, level - below))] as string).repeat(cells);
    };
    return blank + values.map(cellsOf).join('');
  });
}

/** Left of a chart, for its axis. */
export const LABEL_WIDTH = 5;
/** Between two charts beside one another. */
export const GAP = 2;
/** From so many columns on there are two. */
export const TWO_CHARTS = 100;

/** How many buckets the charts of a screen have room for. */
export const chartColumns = (columns: number) =>
  (columns >= TWO_CHARTS ? Math.floor((columns - GAP) / 2) : columns) - LABEL_WIDTH - 1;

/** How many cells each of so many values gets. */
export const cellsEach = (count: number, width: number) =>
  Math.max(1, Math.floor(width / Math.max(1, count)));

/** Where the cells of a value begin. */
export const cellOf = (index: number, count: number, width: number) => {
  const cells = cellsEach(count, width);
  return width - cells * count + index * cells;
};

/** One line, the highest value at full height. */
export function sparkline(values: number[], width: number, { levels }: Glyphs): string {
  const shown = values.slice(-width);
  const max = Math.max(1, ...shown);
  return drawColumns(shown, { width, height: 1, max, levels }).join('');
}

/** The next round number that is not below: 1, 2, 3, 4, 5, 6, 8, 10, 20, … */
export function roundUp(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10]
    .map((step) => step * power)
    .find((step) => step >= value) as number;
}

const MINUTE = 60_000;
/** Round lengths of time for an axis. */
const SPANS = [
  1000,
  5000,
  10_000,
  30_000,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  60 * MINUTE,
  360 * MINUTE,
  1440 * MINUTE,
];

/** The next round length of time that is not below. */
export const roundUpTime = (ms: number) => SPANS.find((span) => span >= ms) ?? roundUp(ms);
