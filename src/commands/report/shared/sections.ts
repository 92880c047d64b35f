import type { Incident } from '../../../lib/alerts/incidents.ts';
import type { AuditEntry } from '../../../lib/audit/entries.ts';
import { createMoneyFormatter } from '../../../lib/money.ts';
import { type Column, toJson } from '../../../lib/output/render.ts';
import { statusText, statusTone } from '../../../lib/output/status.ts';
import { inZone } from '../../../lib/output/time.ts';
import type { OpenGift, Sum, TroubleGroup } from '../../../lib/queue/read/trouble.ts';
import type { WorkerLife } from '../../../lib/queue/run/workers.ts';
import type { PageSection } from '../../../lib/reports/page.ts';
import type { PeriodReport } from '../../../lib/reports/period.ts';
import { INCIDENT_COLUMNS } from '../../alerts/shared/columns.ts';
import { AUDIT_COLUMNS } from '../../audit/shared/columns.ts';
import { donorColumn } from '../../shared/donor-column.ts';

/** How times and amounts are written. */
export interface Writing {
  timeZone: string;
  locale: string;
}

/** What a report says first. */
export interface Headline {
  title: string;
  subtitle: string;
  summary: string[];
}

/** How a report writes moments: with the day if it is of several days. */
function clockFor(
  { from, to }: Pick<PeriodReport, 'from' | 'to'>,
  timeZone: string,
): (at: Date) => string {
  const [first, last] = [inZone(from, timeZone).day, inZone(to, timeZone).day];
  return (at) => {
    const { day, time } = inZone(at, timeZone);
    return first === last && day === first ? time : `${day} ${time.slice(0, 5)}`;
  };
}

/** `clockFor` without seconds. */
export function minuteFor(
  report: Pick<PeriodReport, 'from' | 'to'>,
  timeZone: string,
): (at: Date) => string {
  const clock = clockFor(report, timeZone);
  return (at) => clock(at).replace(/^(\d\d:\d\d):\d\d$/, '$1');
}

/** Amounts of several currencies in words: `$50.00 USD and €20.00 EUR`. */
export function sumsInWords(sums: Sum[], locale: string): string {
  const format = createMoneyFormatter();
  return sums
    .map(({ currency, minor }) => format({ minor: BigInt(minor), currency }, locale))
    .join(' and ');
}

const WORKER_COLUMNS: Column<WorkerLife>[] = [
  { name: 'version', header: 'VERSION', value: (row) => row.version },
  { name: 'host', header: 'HOST', value: (row) => row.host },
  { name: 'pid', header: 'PID', value: (row) => row.pid, align: 'right', minor: true },
  { name: 'started_at', header: 'CAME', value: (row) => row.startedAt },
  { name: 'ended_at', header: 'WENT', value: (row) => row.endedAt },
  { name: 'ending', header: 'HOW', value: (row) => row.ending },
  { name: 'worker', header: 'WORKER', value: (row) => row.id, isId: true, minor: true },
];

const ERROR_COLUMNS: Column<TroubleGroup>[] = [
  { name: 'attempts', header: 'ATTEMPTS', value: (row) => row.attempts, align: 'right' },
  { name: 'job_count', header: 'JOBS', value: (row) => row.jobs, align: 'right' },
  { name: 'donor_count', header: 'DONORS', value: (row) => row.donors, align: 'right' },
  {
    name: 'open',
    header: 'OPEN NOW',
    value: (row) => row.open,
    tone: (row) => (row.open > 0 ? 'bad' : undefined),
    align: 'right',
  },
  {
    name: 'tasks',
    header: 'TASKS',
    value: (row) => row.tasks,
    text: (row) => row.tasks.join(', '),
  },
  { name: 'error', header: 'CAUSE', value: (row) => row.message },
  { name: 'first_at', header: 'FIRST', value: (row) => row.first },
  { name: 'last_at', header: 'LAST', value: (row) => row.last },
  { name: 'fingerprint', header: 'FINGERPRINT', value: (row) => row.fingerprint, minor: true },
];

const openColumns = (locale: string): Column<OpenGift>[] => [
  { name: 'donation', header: 'DONATION', value: (row) => row.donation, isId: true },
  donorColumn((row) => ({ id: null, name: row.donor, email: null })),
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (row) => row.minor,
    text: (row) => sumsInWords([row], locale),
    align: 'right',
  },
  { name: 'currency', header: 'CURRENCY', value: (row) => row.currency, wide: true },
  { name: 'task', header: 'TASK', value: (row) => row.task },
  {
    name: 'status',
    header: 'STATUS',
    value: (row) => row.state,
    text: (row) => statusText(row.state),
    tone: (row) => statusTone(row.state),
  },
  { name: 'since', header: 'SINCE', value: (row) => row.at },
  { name: 'error', header: 'CAUSE', value: (row) => row.message },
];

const named = <Row>(columns: Column<Row>[], ...names: string[]): Column<Row>[] =>
  names.flatMap((name) => {
    const column = columns.find((each) => each.name === name);
    return column ? [{ ...column, wide: false, minor: column.isId ?? false }] : [];
  });

/** A report is of the past, so moments are written as a clock shows them. */
const withClock = <Row>(columns: Column<Row>[], clock: (at: Date) => string): Column<Row>[] =>
  columns.map((column) => ({
    ...column,
    text:
      column.text ??
      ((row) => {
        const value = column.value(row) ?? '';
        if (value instanceof Date) return clock(value);
        return typeof value === 'object' ? toJson(value) : String(value);
      }),
  }));

/** The tables of a report, for the terminal and the page. */
export function sectionsOf(report: PeriodReport, writing: Writing): PageSection[] {
  const clock = clockFor(report, writing.timeZone);
  const section = <Row>(
    name: string,
    title: string,
    columns: Column<Row>[],
    rows: Row[],
    empty: string,
  ) =>
    // Each section keeps its columns and rows together, so their type need not be known outside.
    ({ name, title, columns: withClock(columns, clock), rows, empty }) as unknown as PageSection;
  const incidents: Column<Incident>[] = named(
    INCIDENT_COLUMNS,
    ...['level', 'what', 'opened_at', 'closed_at', 'lasted_ms'],
    ...['donor_count', 'job_count', 'cause', 'acknowledged_by', 'incident'],
  );
  const changes: Column<AuditEntry>[] = named(
    AUDIT_COLUMNS,
    ...['at', 'actor', 'action', 'subject', 'affected', 'reason', 'audit'],
  );
  const { trouble } = report;
  return [
    section('incidents', 'Incidents', incidents, report.incidents, 'No incident was open.'),
    section('errors', 'What went wrong, by cause', ERROR_COLUMNS, trouble.groups, 'Nothing.'),
    section(
      'open',
      'Gifts of that time that are failed or held now',
      openColumns(writing.locale),
      trouble.open,
      'None.',
    ),
    section('changes', 'Changes by people', changes, report.changes, 'No person changed anything.'),
    section('workers', 'Workers', WORKER_COLUMNS, report.workers, 'No worker was alive.'),
  ];
}
