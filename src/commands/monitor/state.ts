import type { Incident, IncidentStory } from '../../lib/alerts/incidents.ts';
import type { Silence } from '../../lib/alerts/silences.ts';
import type { AuditEntry, WholeAuditEntry } from '../../lib/audit/entries.ts';
import type { BoundedCount } from '../../lib/db/page.ts';
import type { Story } from '../../lib/donations/story.ts';
import type { Rule } from '../../lib/health/rule-kinds.ts';
import type { Snapshot } from '../../lib/monitor/snapshot.ts';
import type { JobDetail } from '../../lib/queue/read/detail.ts';
import type { ErrorGroups } from '../../lib/queue/read/errors.ts';
import type { FailedAttempt } from '../../lib/queue/read/failures.ts';
import type { Page, Sort } from '../../lib/queue/read/list.ts';
import type { ListedDelivery } from '../../lib/receipts/list.ts';
import type { History } from '../../lib/samples/read.ts';
import type { Filtered } from './filters.ts';
import type { Request } from './requests.ts';

export const VIEW_NAMES = [
  'overview',
  'jobs',
  'errors',
  'failures',
  'job',
  'donation',
  'workers',
  'receipts',
  'alerts',
  'incident',
  'audit',
  'change',
] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

/** The lists of the overview, in the order of Tab. */
export const PANES = ['tasks', 'states', 'workers', 'events'] as const;
export type Pane = (typeof PANES)[number];

/** One view on the way from the overview to where the operator is. */
export interface View {
  name: ViewName;
  /**
   * What it is of: the filter of jobs, receipts or alerts; the id of a job, donation, incident or change;
   * the stretch of time of failures as `from/to`; else empty.
   */
  arg: string;
  sort: Sort | undefined;
  /** How many rows are read; more when the user scrolls. */
  limit: number;
  /** The row that is selected, by its place and by its key, so that it stays when rows come and go. */
  selected: number;
  key: string | undefined;
  /** Ids of the jobs that are marked. */
  marks: string[];
  /** Everything that the filter lets through is marked. */
  all: boolean;
  /** Of the overview. */
  pane: Pane;
  panes: Partial<Record<Pane, number>>;
}

/** What was read for a view. */
export type Content =
  | { of: 'jobs'; page: Page; total: BoundedCount }
  | { of: 'errors'; found: ErrorGroups }
  | { of: 'failures'; rows: FailedAttempt[] }
  | { of: 'job'; detail: JobDetail }
  | { of: 'donation'; story: Story }
  | { of: 'receipts'; rows: ListedDelivery[] }
  | { of: 'alerts'; incidents: Incident[]; silences: Silence[] }
  | { of: 'incident'; story: IncidentStory; silences: Silence[] }
  | { of: 'audit'; rows: AuditEntry[] }
  | { of: 'change'; entry: WholeAuditEntry };

/** The content of one view, and how it is with it. */
export interface Dataset {
  content: Content | undefined;
  /** By the database's clock, in milliseconds; when it was read. */
  at: number | undefined;
  /** Why it is not there, or not of this moment. */
  trouble: string | undefined;
}

/** A line that is being typed. */
export interface Input {
  kind: 'filter' | 'jump';
  /** For a filter: the rows that it applies to. */
  of: Filtered;
  text: string;
  /** Which completion is chosen. */
  chosen: number;
  /** What is wrong with it, shown once it was tried. */
  error: string | undefined;
}

/** How a plan is agreed to: the more it does, the more has to be typed. */
export type Confirm =
  | { by: 'enter' }
  | { by: 'y' }
  | { by: 'typing'; word: string }
  | { by: 'choice'; choices: { key: string; label: string; outcome: 'sent' | 'resend' }[] }
  | { by: 'nothing' };

/** A change on its way: asked for, planned, agreed to, made. */
export interface Dialog {
  request: Request;
  phase: 'asking' | 'planning' | 'confirming' | 'running' | 'stopping' | 'done' | 'failed';
  /** What has to be said before it can be planned. */
  question: { label: string; hint: string } | undefined;
  typed: string;
  error: string | undefined;
  title: string;
  lines: string[];
  confirm: Confirm;
  /** What it is of, for progress; 0 when there is nothing to count. */
  total: number;
  done: number;
}

export interface Notice {
  tone: 'good' | 'warn' | 'bad';
  text: string;
  /** When it goes away. */
  until: number;
}

/** The interval of refreshes without a notice, in milliseconds. */
export const INTERVALS = [1000, 2000, 5000, 10_000, 30_000, 60_000] as const;

/** The moment of the past that is shown. */
export interface Past {
  /** In milliseconds. */
  at: number;
  /** The latest moment that can be shown: when the monitor was started. */
  latest: number;
  /** Of the clock that the moment was given by. */
  timeZone: string;
}

/** What does not change while the monitor runs. */
export interface Session {
  /** Which database. */
  where: string;
  mode: 'sandbox' | 'test' | 'live';
  /** Why nothing can be changed; undefined when it can. */
  readOnly: string | undefined;
  /** The health rules in force. */
  rules: Rule[];
  /** Who is at the keyboard. */
  actor: string;
}

export interface State {
  session: Session;
  /** Undefined when the screen shows the queue of now. */
  past: Past | undefined;
  columns: number;
  rows: number;
  /** The database's clock, in milliseconds; of the past the moment that is shown. */
  now: number;
  link: {
    status: 'connecting' | 'live' | 'lost';
    /** Since when it is so. */
    since: number;
    error: string | undefined;
    /** How long Postgres takes to answer. */
    latencyMs: number | undefined;
  };
  snapshot: Snapshot | undefined;
  history: History | undefined;
  historyTrouble: string | undefined;
  /** Of WINDOWS. */
  window: number;
  /** The bucket under the chart's cursor, by its beginning; undefined without a cursor. */
  cursor: string | undefined;
  /** From the overview to what is shown: the last. */
  views: View[];
  data: Record<string, Dataset>;
  input: Input | undefined;
  dialog: Dialog | undefined;
  /** Whether the help is shown, and how far down. */
  help: number | undefined;
  notice: Notice | undefined;
  frozen: boolean;
  /** Of INTERVALS. */
  interval: number;
  /** The last discard of this session, for undo. */
  lastDiscard: string | undefined;
}

/** Filters: receipts that wait for a decision, and receipts that were not sent. */
export const HELD = 'status:held';
export const FAILED = 'status:failed';

export const PAGE = 100;
export const MOST_ROWS = 2000;

export const newView = (name: ViewName, arg = ''): View => ({
  name,
  arg,
  sort: undefined,
  limit: PAGE,
  selected: 0,
  key: undefined,
  marks: [],
  all: false,
  pane: 'tasks',
  panes: {},
});

export function initialState(
  session: Session,
  {
    columns,
    rows,
    now,
    window = 0,
    past,
  }: Pick<State, 'columns' | 'rows' | 'now'> & { window?: number; past?: Past | undefined },
): State {
  return {
    session,
    past,
    columns,
    rows,
    now: past?.at ?? now,
    link: { status: 'connecting', since: now, error: undefined, latencyMs: undefined },
    snapshot: undefined,
    history: undefined,
    historyTrouble: undefined,
    window,
    cursor: undefined,
    views: [newView('overview')],
    data: {},
    input: undefined,
    dialog: undefined,
    help: undefined,
    notice: undefined,
    frozen: false,
    interval: 2,
    lastDiscard: undefined,
  };
}

/** The view that is shown. */
export const currentView = ({ views }: State) => views.at(-1) as View;

/** Under which name a view's content is kept. */
export const dataKey = ({ name, arg, sort }: View) => [name, arg, sort ?? ''].join('\n');

export const datasetOf = (state: State, view = currentView(state)): Dataset | undefined =>
  state.data[dataKey(view)];

/** The content of a view, if it has come. */
export function contentOf<Of extends Content['of']>(
  state: State,
  of: Of,
  view = currentView(state),
): Extract<Content, { of: Of }> | undefined {
  const content = datasetOf(state, view)?.content;
  return content?.of === of ? (content as Extract<Content, { of: Of }>) : undefined;
}
