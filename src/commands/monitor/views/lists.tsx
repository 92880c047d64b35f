import { Box } from 'ink';
import type { ReactNode } from 'react';
import type { Silence } from '../../../lib/alerts/silences.ts';
import { grouped } from '../../../lib/output/text.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import { JOB_STATES } from '../../../lib/queue/states.ts';
import { silenceInWords } from '../../alerts/shared/silences.ts';
import { countOf } from '../selection.ts';
import {
  contentOf,
  currentView,
  datasetOf,
  FAILED,
  HELD,
  MOST_ROWS,
  type State,
} from '../state.ts';
import { compact } from '../text.ts';
import type { Span } from '../theme.ts';
import { momentOf, timeOf } from './cells.ts';
import {
  alertColumns,
  auditColumns,
  errorColumns,
  failureColumns,
  jobColumns,
  receiptColumns,
  workerColumns,
} from './list-columns.ts';
import { behindSpans } from './overview.tsx';
import { Heading, Line, type ScreenColumn, ScreenTable, useTheme } from './parts.tsx';

interface ViewProps {
  state: State;
  width: number;
  height: number;
}

/** What is wrong with what is shown, or how old it is. */
function troubleSpans(state: State): Span[] {
  const dataset = datasetOf(state);
  if (!dataset?.trouble) return [];
  const age =
    dataset.at === undefined ? '' : `, ${formatDuration(Math.max(0, state.now - dataset.at))} old`;
  return [{ text: `${dataset.trouble}${dataset.content ? age : ''}`, tone: 'warn', bold: true }];
}

function List<Row>({
  state,
  width,
  height,
  title,
  right = [],
  columns,
  rows,
  empty,
  marked,
}: ViewProps & {
  title: string;
  right?: Span[];
  columns: ScreenColumn<Row>[];
  rows: Row[] | undefined;
  empty: string;
  marked?: (row: Row) => boolean;
}): ReactNode {
  const dataset = datasetOf(state);
  const trouble = troubleSpans(state);
  const waiting = dataset?.trouble ?? 'Looking…';
  return (
    <Box flexDirection="column" height={height}>
      <Heading
        title={title}
        focused
        right={rows && trouble.length > 0 ? trouble : right}
        width={width}
      />
      <ScreenTable
        columns={columns}
        rows={rows ?? []}
        width={width}
        height={height - 1}
        selected={currentView(state).selected}
        empty={rows ? empty : waiting}
        {...(marked ? { marked } : {})}
      />
    </Box>
  );
}

export function JobsView({ state, width, height }: ViewProps): ReactNode {
  const theme = useTheme();
  const view = currentView(state);
  const content = contentOf(state, 'jobs', view);
  const rows = content?.page.jobs;
  const total = content?.total;
  const count = total ? `${grouped(total.count)}${total.more ? '+' : ''}` : '';
  const right: Span[] = [
    ...(view.all
      ? [{ text: `all ${count} marked  `, tone: 'accent' as const, bold: true }]
      : view.marks.length > 0
        ? [{ text: `${view.marks.length} marked  `, tone: 'accent' as const, bold: true }]
        : []),
    ...(view.sort ? [{ text: `${view.sort}  `, tone: 'dim' as const }] : []),
    ...(total && rows
      ? [
          {
            text:
              rows.length === total.count && !total.more
                ? `${count}`
                : rows.length >= MOST_ROWS
                  ? `the first ${grouped(rows.length)} of ${count}: narrow it with /`
                  : `${Math.min(view.selected + 1, rows.length)} of ${count}`,
            tone: 'dim' as const,
          },
        ]
      : []),
  ];
  const marks = new Set(view.marks);
  return (
    <Box flexDirection="column" height={height}>
      <Tabs state={state} width={width} />
      <List
        state={state}
        width={width}
        height={height - 1}
        title={`Jobs${view.arg ? `  ${view.arg}` : ''}`}
        right={right}
        columns={jobColumns(state.now, theme)}
        rows={rows}
        empty={view.arg ? `No jobs: ${view.arg}` : 'No jobs in the queue.'}
        marked={({ id }) => view.all || marks.has(id)}
      />
    </Box>
  );
}

/** The states as tabs, with how many there are of each. */
function Tabs({ state, width }: Omit<ViewProps, 'height'>): ReactNode {
  const { arg } = currentView(state);
  const tabs = JOB_STATES.flatMap((name, i): Span[] => {
    const count = countOf(state, name) ?? 0;
    const isShown = arg === `state:${name}`;
    const text = ` ${i + 1} ${name} ${compact(count)} `;
    return [
      {
        text,
        ...(isShown ? { inverse: true, bold: true } : { tone: count > 0 ? undefined : 'dim' }),
      },
      { text: ' ' },
    ];
  });
  const all: Span = {
    text: ' 0 all ',
    ...(arg === '' ? { inverse: true, bold: true } : { tone: 'dim' }),
  };
  return <Line spans={[...tabs, all]} width={width} />;
}

export function ErrorsView({ state, width, height }: ViewProps): ReactNode {
  const theme = useTheme();
  const found = contentOf(state, 'errors')?.found;
  return (
    <List
      state={state}
      width={width}
      height={height}
      title="Failures by their cause, of 7 days"
      right={found?.more ? [{ text: 'of the latest 100,000', tone: 'dim' }] : []}
      columns={errorColumns(state.now, theme)}
      rows={found?.groups}
      empty="Nothing has failed in the last 7 days."
    />
  );
}

export function FailuresView({ state, width, height }: ViewProps): ReactNode {
  const theme = useTheme();
  const rows = contentOf(state, 'failures')?.rows;
  const [from = '', to = ''] = currentView(state).arg.split('/');
  return (
    <List
      state={state}
      width={width}
      height={height}
      title={`What went wrong from ${timeOf(from)} to ${timeOf(to)}`}
      right={rows ? [{ text: `${rows.length}`, tone: 'dim' }] : []}
      columns={failureColumns(theme)}
      rows={rows}
      empty="Nothing went wrong in this time."
    />
  );
}

export function WorkersView({ state, width, height }: ViewProps): ReactNode {
  const theme = useTheme();
  const part = state.snapshot?.workers;
  return (
    <List
      state={state}
      width={width}
      height={height}
      title="Workers of the last day"
      right={behindSpans(part, state.now)}
      columns={workerColumns(state.now, theme)}
      rows={part?.value ?? undefined}
      empty="No worker in the last day. Start one: donations worker start"
    />
  );
}

const RECEIPT_TITLES: Record<string, { title: string; empty: string }> = {
  [HELD]: { title: 'Receipts that may have been sent', empty: 'No receipt is held.' },
  [FAILED]: { title: 'Receipts that were not sent', empty: 'No receipt is failed.' },
  '': { title: 'Receipts', empty: 'No receipt was made yet.' },
};

export function ReceiptsView({ state, width, height }: ViewProps): ReactNode {
  const theme = useTheme();
  const { arg } = currentView(state);
  const rows = contentOf(state, 'receipts')?.rows;
  const tab = (name: string, filter: string): Span => ({
    text: ` ${name} `,
    ...(filter === arg ? { inverse: true, bold: true } : { tone: 'dim' }),
  });
  return (
    <Box flexDirection="column" height={height}>
      <Line spans={[tab('held', HELD), { text: ' ' }, tab('failed', FAILED)]} width={width} />
      <List
        state={state}
        width={width}
        height={height - 1}
        {...(RECEIPT_TITLES[arg] ?? { title: `Receipts  ${arg}`, empty: `No receipts: ${arg}` })}
        right={rows ? [{ text: `${rows.length}`, tone: 'dim' }] : []}
        columns={receiptColumns(state.now, theme)}
        rows={rows}
      />
    </Box>
  );
}

export function AlertsView({ state, width, height }: ViewProps): ReactNode {
  const theme = useTheme();
  const { arg } = currentView(state);
  const content = contentOf(state, 'alerts');
  const rows = content?.incidents;
  const open = rows?.filter(({ closedAt }) => closedAt === null).length ?? 0;
  const silences = content?.silences ?? [];
  const shown = silences.slice(0, MOST_SILENCES);
  return (
    <Box flexDirection="column" height={height}>
      <List
        state={state}
        width={width}
        height={height - shown.length}
        title={`Incidents, open and of 7 days${arg ? `  ${arg}` : ''}`}
        right={rows ? [{ text: `${open} open of ${rows.length}`, tone: 'dim' }] : []}
        columns={alertColumns(state.now, theme)}
        rows={rows}
        empty={arg ? `No incidents: ${arg}` : 'No worker found a problem.'}
      />
      {shown.map((silence) => (
        <Line key={silence.id} spans={silenceSpans(silence, state.now)} width={width} />
      ))}
    </Box>
  );
}

/** At most this many silences are shown. `donations alerts list` shows all. */
const MOST_SILENCES = 3;

const silenceSpans = (silence: Silence, now: number): Span[] => [
  { text: '  silenced ', tone: 'accent' },
  { text: silenceInWords(silence) },
  {
    text: ` until ${momentOf(silence.until, now)} by ${silence.actor}${silence.reason ? `: ${silence.reason}` : ''}`,
    tone: 'dim',
  },
];

export function AuditView({ state, width, height }: ViewProps): ReactNode {
  const rows = contentOf(state, 'audit')?.rows;
  return (
    <List
      state={state}
      width={width}
      height={height}
      title="Who changed what"
      right={rows ? [{ text: `${rows.length}`, tone: 'dim' }] : []}
      columns={auditColumns(state.now)}
      rows={rows}
      empty="No operator has changed anything."
    />
  );
}
