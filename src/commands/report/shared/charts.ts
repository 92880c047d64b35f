import { type Io, paint, print, type Tone } from '../../../lib/output/io.ts';
import { grouped } from '../../../lib/output/text.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import type { PeriodReport } from '../../../lib/reports/period.ts';
import type { Bucket } from '../../../lib/samples/read.ts';
import { drawColumns, LABEL_WIDTH, roundUp, roundUpTime } from '../../monitor/chart.ts';

/** One series of the minute samples, as the charts of the terminal and of the page show it. */
export interface Series {
  title: string;
  values: (number | null)[];
  max: number;
  words: (value: number) => string;
  tone: 'good' | 'bad' | 'wait';
}

const perMinute = (value: number) =>
  `${value < 10 ? Number(value.toFixed(1)) : grouped(Math.round(value))}/min`;

/** The three series of a report: what was done, what went wrong, how long jobs waited. */
export function seriesOf({ samples, stepMs }: PeriodReport): Series[] {
  const rates = (count: (bucket: Bucket) => number) =>
    samples.map((bucket) => count(bucket) / (stepMs / 60_000));
  const done = rates((bucket) => bucket.done);
  const wrong = rates(({ retried, failed, held }) => retried + failed + held);
  const waits = samples.map(({ waitMs }) => waitMs);
  return [
    { title: 'Jobs done', values: done, tone: 'good', max: top(done), words: perMinute },
    { title: 'Attempts gone wrong', values: wrong, tone: 'bad', max: top(wrong), words: perMinute },
    {
      title: 'Longest wait',
      values: waits,
      tone: 'wait',
      max: roundUpTime(Math.max(1000, ...waits.map((wait) => wait ?? 0))),
      words: formatDuration,
    },
  ];
}

const top = (values: number[]) => roundUp(Math.max(1, ...values));

const LEVELS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const TONES: Record<Series['tone'], Tone> = { good: 'good', bad: 'bad', wait: 'warn' };
const HEIGHT = 4;
const MOST_WIDTH = 120;

/** Draws the charts on a terminal; a pipe gets none, because its rows are for programs. */
export function drawTerminalCharts(
  io: Io,
  report: PeriodReport,
  clock: (at: Date) => string,
): void {
  if (!io.stdout.isTTY) return;
  const room = Math.min(MOST_WIDTH, io.stdout.columns || 80) - LABEL_WIDTH - 4;
  for (const { title, values, max, words, tone } of seriesOf(report)) {
    print(io, `\n${paint(io, 'bold', title)} ${paint(io, 'dim', `top: ${words(max)}`)}`);
    const squeezed = squeeze(values, room);
    const lines = drawColumns(squeezed, {
      width: squeezed.length * Math.max(1, Math.floor(room / squeezed.length)),
      height: HEIGHT,
      max,
      levels: LEVELS,
    });
    for (const line of lines) print(io, paint(io, TONES[tone], line));
    const [from, to] = [clock(report.from), clock(report.to)];
    const gap = Math.max(1, (lines[0]?.length ?? 0) - from.length - to.length);
    print(io, paint(io, 'dim', `${from}${' '.repeat(gap)}${to}`));
  }
}

/** The largest of neighbours, when there are more values than columns. */
function squeeze(values: (number | null)[], most: number): (number | null)[] {
  const each = Math.max(1, Math.ceil(values.length / Math.max(1, most)));
  return Array.from({ length: Math.ceil(values.length / each) }, (_, i) => {
    const known = values.slice(i * each, (i + 1) * each).filter((value) => value !== null);
    return known.length > 0 ? Math.max(...known) : null;
  });
}
