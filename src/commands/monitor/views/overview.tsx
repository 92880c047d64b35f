import { Box } from 'ink';
import type { ReactNode } from 'react';
import type { Part } from '../../../lib/monitor/snapshot.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import { JOB_STATES, type JobState } from '../../../lib/queue/states.ts';
import { GAP, TWO_CHARTS } from '../chart.ts';
import { countOf, taskRows } from '../selection.ts';
import { currentView, type Pane, type State } from '../state.ts';
import { compact } from '../text.ts';
import type { Span } from '../theme.ts';
import { NOT_KNOWN, stateLook } from './cells.ts';
import { OldestWait, Throughput } from './charts.tsx';
import { eventColumns, workerColumns } from './list-columns.ts';
import { Blank, Heading, Line, ScreenTable, useTheme } from './parts.tsx';
import { taskColumns } from './task-columns.ts';

/** How many lines each part of the overview gets. */
export interface Layout {
  charts: number;
  tasks: number;
  /** States and workers, beside one another. */
  middle: number;
  events: number;
}

const STATES_WIDTH = 34;

/**
 * Shares the lines below the totals out: tasks first, then charts, then the rest.
 * @internal Exported for its tests.
 */
export function layoutOf(columns: number, lines: number, taskCount: number): Layout {
  const tasks = Math.min(Math.max(3, taskCount + 2), Math.max(5, Math.floor(lines * 0.45)));
  let left = lines - tasks;
  const charts = left >= 22 ? 9 : left >= 15 ? 7 : left >= 9 ? 5 : 0;
  left -= charts;
  // As many lines as there are states, and one for the heading.
  const middle = columns >= 80 && left >= 12 ? 7 : 0;
  left -= middle;
  return { charts, tasks, middle, events: Math.max(0, left) };
}

/** Everything at a glance. */
export function Overview({
  state,
  width,
  height,
}: {
  state: State;
  width: number;
  height: number;
}): ReactNode {
  const rows = taskRows(state);
  const layout = layoutOf(width, height, rows.length);
  const isWide = width >= TWO_CHARTS;
  const left = isWide ? Math.floor((width - GAP) / 2) : width;
  return (
    <Box flexDirection="column" height={height}>
      {layout.charts > 0 ? (
        <Box>
          <Throughput state={state} width={left} height={layout.charts} />
          {isWide ? (
            <Box marginLeft={GAP}>
              <OldestWait state={state} width={width - GAP - left} height={layout.charts} />
            </Box>
          ) : null}
        </Box>
      ) : null}
      <TasksPane state={state} width={width} height={layout.tasks} />
      {layout.middle > 0 ? (
        <Box height={layout.middle}>
          <StatesPane state={state} width={STATES_WIDTH} />
          <Box marginLeft={GAP}>
            <WorkersPane state={state} width={width - STATES_WIDTH - GAP} height={layout.middle} />
          </Box>
        </Box>
      ) : null}
      <EventsPane state={state} width={width} height={layout.events} />
    </Box>
  );
}

const isFocused = (state: State, pane: Pane) => currentView(state).pane === pane;
const selectedIn = (state: State, pane: Pane) =>
  isFocused(state, pane) ? currentView(state).selected : undefined;

/** That a panel is not of this moment. */
export function behindSpans(part: Part<unknown> | undefined, now: number): Span[] {
  if (!part?.behind) return [];
  const age =
    part.at === null ? '' : `, ${formatDuration(Math.max(0, now - Date.parse(part.at)))} old`;
  return [{ text: `behind: ${part.behind}${age}`, tone: 'warn', bold: true }];
}

interface PaneProps {
  state: State;
  width: number;
  height: number;
}

function TasksPane({ state, width, height }: PaneProps): ReactNode {
  const theme = useTheme();
  const tasks = state.snapshot?.tasks;
  const rows = taskRows(state);
  const hidden = rows.length - (height - 2);
  const right: Span[] = tasks?.behind
    ? behindSpans(tasks, state.now)
    : [
        ...(hidden > 0 ? [{ text: `${rows.length} tasks, `, tone: 'dim' as const }] : []),
        ...(tasks?.value
          ? [
              {
                text: `${state.past ? `${NOT_KNOWN} is not known, ` : ''}rates of ${formatDuration(tasks.value.spanMs)}`,
                tone: 'dim' as const,
              },
            ]
          : []),
      ];
  return (
    <Box flexDirection="column" height={height}>
      <Heading title="Tasks" focused={isFocused(state, 'tasks')} right={right} width={width} />
      <ScreenTable
        columns={taskColumns(
          tasks?.value ?? {
            rows: [],
            pauses: [],
            spanMs: 0,
            more: [],
            failedSince: null,
            heldSince: null,
          },
          { rules: state.session.rules, now: state.now },
          theme,
        )}
        rows={rows}
        width={width}
        height={height - 1}
        selected={selectedIn(state, 'tasks')}
        empty={state.snapshot ? 'No job was ever enqueued here.' : ''}
      />
    </Box>
  );
}

function StatesPane({ state, width }: Omit<PaneProps, 'height'>): ReactNode {
  const { glyphs } = useTheme();
  const theme = useTheme();
  const selected = selectedIn(state, 'states');
  const counts = JOB_STATES.map((name) => countOf(state, name));
  const most = Math.max(1, ...counts.map((count) => count ?? 0));
  const room = width - 24;
  return (
    <Box flexDirection="column" width={width}>
      <Heading title="Jobs by state" focused={selected !== undefined} width={width} />
      {JOB_STATES.map((name: JobState, i) => {
        const known = counts[i] ?? null;
        const count = known ?? 0;
        const { glyph, tone } = stateLook(name, theme);
        const bar = count === 0 ? 0 : Math.max(1, Math.round((count / most) * room));
        const isSelected = selected === i;
        return (
          <Line
            key={name}
            width={width}
            selected={isSelected}
            spans={[
              { text: isSelected ? `${glyphs.selected} ` : '  ', tone: 'accent' },
              { text: `${i + 1} `, tone: 'dim' },
              { text: `${glyph} `, tone: count > 0 ? tone : 'dim' },
              { text: name.padEnd(10), tone: count > 0 ? undefined : 'dim' },
              {
                text: (known === null ? NOT_KNOWN : compact(count)).padStart(7),
                tone: count > 0 ? 'bold' : 'dim',
              },
              { text: ' ' },
              { text: glyphs.full.repeat(bar), tone },
            ]}
          />
        );
      })}
    </Box>
  );
}

function WorkersPane({ state, width, height }: PaneProps): ReactNode {
  const theme = useTheme();
  const part = state.snapshot?.workers;
  const rows = part?.value ?? [];
  const alive = rows.filter((worker) => worker.state === 'alive').length;
  const right: Span[] = part?.behind
    ? behindSpans(part, state.now)
    : [{ text: `${alive} alive`, tone: alive > 0 ? 'good' : 'bad' }];
  return (
    <Box flexDirection="column" width={width}>
      <Heading title="Workers" focused={isFocused(state, 'workers')} right={right} width={width} />
      <ScreenTable
        columns={workerColumns(state.now, theme)}
        rows={rows}
        width={width}
        height={height - 1}
        selected={selectedIn(state, 'workers')}
        empty={state.snapshot ? 'No worker in the last day: donations worker start' : ''}
      />
    </Box>
  );
}

function EventsPane({ state, width, height }: PaneProps): ReactNode {
  const theme = useTheme();
  const part = state.snapshot?.events;
  if (height < 2) return <Blank lines={height} />;
  return (
    <Box flexDirection="column" height={height}>
      <Heading
        title="Latest events"
        focused={isFocused(state, 'events')}
        right={behindSpans(part, state.now)}
        width={width}
      />
      <ScreenTable
        columns={eventColumns(theme)}
        rows={part?.value ?? []}
        width={width}
        height={height - 1}
        selected={selectedIn(state, 'events')}
        empty={part?.value ? 'Nothing has gone wrong, and no operator has changed anything.' : ''}
      />
    </Box>
  );
}
