import { Box } from 'ink';
import type { ReactNode } from 'react';
import { lowestThreshold } from '../../../lib/health/rules.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import type { Bucket } from '../../../lib/samples/read.ts';
import { cellOf, cellsEach, drawColumns, LABEL_WIDTH, roundUp, roundUpTime } from '../chart.ts';
import type { State } from '../state.ts';
import { compact } from '../text.ts';
import type { Span } from '../theme.ts';
import { WINDOWS } from '../windows.ts';
import { clockOf } from './cells.ts';
import { Heading, Line, useTheme } from './parts.tsx';

const errorsOf = ({ retried, failed, held }: Bucket) => retried + failed + held;

interface ChartProps {
  state: State;
  width: number;
  /** Lines in all: heading, columns, and what is below them. */
  height: number;
}

/** What there is room for: the terminal may have become narrower since it was read. */
const shownBuckets = ({ history }: State, width: number): Bucket[] =>
  (history?.buckets ?? []).slice(-Math.max(1, width - LABEL_WIDTH - 1));

const windowName = ({ window }: State) => WINDOWS[window]?.name ?? '';

/** What is under the cursor, or the last whole minute. */
function pointed({ history, cursor }: State): Bucket | undefined {
  return history?.buckets.find(({ at }) => at === cursor) ?? history?.buckets.at(-1);
}

const perMinute = (count: number, state: State) =>
  count / ((state.history?.stepMs ?? 60_000) / 60_000);

/** Jobs done a minute, and below them a strip of what went wrong. */
export function Throughput({ state, width, height }: ChartProps): ReactNode {
  const { glyphs } = useTheme();
  const buckets = shownBuckets(state, width);
  const done = buckets.map((bucket) => perMinute(bucket.done, state));
  const errors = buckets.map((bucket) => perMinute(errorsOf(bucket), state));
  const max = roundUp(Math.max(1, ...done));
  const at = pointed(state);
  const right: Span[] = at
    ? [
        ...cursorTime(state),
        { text: 'done ', tone: 'dim' },
        { text: `${compact(perMinute(at.done, state))}/min`, tone: 'good' },
        { text: '  went wrong ', tone: 'dim' },
        {
          text: compact(perMinute(errorsOf(at), state)),
          tone: errorsOf(at) > 0 ? 'bad' : undefined,
        },
      ]
    : [];
  const room = width - LABEL_WIDTH - 1;
  const bars = height - 3;
  const columns = drawColumns(done, { width: room, height: bars, max, levels: glyphs.levels });
  const strip = drawColumns(errors, {
    width: room,
    height: 1,
    max: Math.max(1, ...errors),
    levels: glyphs.levels,
  });
  return (
    <Box flexDirection="column" width={width}>
      <Heading title={`Throughput ${windowName(state)}`} right={right} width={width} />
      {columns.map((line, i) => (
        <Line
          key={String(i)}
          width={width}
          spans={[
            label(i === 0 ? compact(max) : i === bars - 1 ? '0' : ''),
            { text: line, tone: 'good' },
          ]}
        />
      ))}
      <Line width={width} spans={[label('wrong'), { text: strip[0] ?? '', tone: 'bad' }]} />
      <Axis state={state} width={width} />
    </Box>
  );
}

/** How long the job had waited that waited longest. */
export function OldestWait({ state, width, height }: ChartProps): ReactNode {
  const { glyphs } = useTheme();
  const waits = shownBuckets(state, width).map(({ waitMs }) => waitMs);
  const max = roundUpTime(Math.max(1000, ...waits.map((wait) => wait ?? 0)));
  const at = pointed(state);
  const wait = at?.waitMs ?? null;
  const limit = lowestThreshold(state.session.rules, 'wait');
  const isOver = (ms: number) => limit !== undefined && ms >= limit;
  const right: Span[] =
    wait === null
      ? []
      : [
          ...cursorTime(state),
          { text: formatDuration(wait), tone: isOver(wait) ? 'bad' : 'good' },
          ...(limit === undefined
            ? []
            : [{ text: `  limit ${formatDuration(limit)}`, tone: 'dim' as const }]),
        ];
  const bars = height - 2;
  const room = width - LABEL_WIDTH - 1;
  const isLate = waits.some((each) => isOver(each ?? 0));
  const columns = drawColumns(waits, { width: room, height: bars, max, levels: glyphs.levels });
  return (
    <Box flexDirection="column" width={width}>
      <Heading title="Oldest wait" right={right} width={width} />
      {columns.map((line, i) => (
        <Line
          key={String(i)}
          width={width}
          spans={[
            label(i === 0 ? formatDuration(max) : i === bars - 1 ? '0' : ''),
            { text: line, tone: isLate ? 'warn' : 'good' },
          ]}
        />
      ))}
      <Axis state={state} width={width} />
    </Box>
  );
}

const label = (text: string): Span => ({ text: `${text.padStart(LABEL_WIDTH)} `, tone: 'dim' });

function cursorTime(state: State): Span[] {
  if (state.cursor === undefined) return [];
  const from = Date.parse(state.cursor);
  const to = from + (state.history?.stepMs ?? 60_000);
  const end = to - from > 60_000 ? `–${clockOf(to)}` : '';
  return [{ text: `${clockOf(from)}${end}  `, tone: 'accent', bold: true }];
}

/** Times below a chart, and the cursor. */
function Axis({ state, width }: Pick<ChartProps, 'state' | 'width'>): ReactNode {
  const { glyphs } = useTheme();
  const { history, cursor, historyTrouble } = state;
  const room = width - LABEL_WIDTH - 1;
  const buckets = shownBuckets(state, width);
  const indent: Span = { text: ' '.repeat(LABEL_WIDTH + 1) };
  if (historyTrouble)
    return <Line width={width} spans={[indent, { text: historyTrouble, tone: 'warn' }]} />;
  if (!history?.since) {
    const words = history ? 'no samples yet: a worker makes one a minute' : '';
    return <Line width={width} spans={[indent, { text: words, tone: 'dim' }]} />;
  }
  const index = buckets.findIndex(({ at }) => at === cursor);
  if (index >= 0) {
    const cells = cellsEach(buckets.length, room);
    const cell = cellOf(index, buckets.length, room) + Math.floor(cells / 2);
    const hint = `${glyphs.cursor} ${glyphs.enter} what failed`;
    const fits = cell + hint.length < room;
    return (
      <Line
        width={width}
        spans={[
          indent,
          { text: ' '.repeat(fits ? cell : Math.max(0, cell - hint.length + 1)) },
          {
            text: fits ? hint : `what failed ${glyphs.enter} ${glyphs.cursor}`,
            tone: 'accent',
            bold: true,
          },
        ]}
      />
    );
  }
  const first = timeLabel(Date.parse(buckets[0]?.at ?? ''), state);
  const last = state.past ? clockOf(state.past.at) : 'now';
  const gap = Math.max(1, room - first.length - last.length);
  const times = `${first}${' '.repeat(gap)}${last}`;
  return <Line width={width} spans={[indent, { text: times, tone: 'dim' }]} />;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const timeLabel = (ms: number, { window }: State) =>
  (WINDOWS[window]?.ms ?? 0) > 6 * 3_600_000
    ? `${DAYS[new Date(ms).getDay()]} ${clockOf(ms)}`
    : clockOf(ms);
