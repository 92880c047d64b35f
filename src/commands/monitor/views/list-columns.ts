import type { Incident } from '../../../lib/alerts/incidents.ts';
import { type IncidentStatus, statusOf } from '../../../lib/alerts/vocabulary.ts';
import type { AuditEntry } from '../../../lib/audit/entries.ts';
import { formatMoney } from '../../../lib/money.ts';
import type { MonitorEvent, Plain } from '../../../lib/monitor/snapshot.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import type { ErrorGroup } from '../../../lib/queue/read/errors.ts';
import type { FailedAttempt } from '../../../lib/queue/read/failures.ts';
import type { ListedJob } from '../../../lib/queue/read/list.ts';
import type { WorkerRow } from '../../../lib/queue/run/workers.ts';
import type { ListedDelivery } from '../../../lib/receipts/list.ts';
import { giftsInWords, incidentInWords } from '../../alerts/shared/columns.ts';
import { compact } from '../text.ts';
import type { Span, Theme } from '../theme.ts';
import { ago, count, momentOf, shortId, stateSpan, timeOf } from './cells.ts';
import type { ScreenColumn } from './parts.tsx';

export function jobColumns(now: number, theme: Theme): ScreenColumn<ListedJob>[] {
  return [
    { head: 'JOB', width: 9, align: 'right', cell: ({ id }) => ({ text: id, tone: 'bold' }) },
    { head: 'TASK', width: 15, cell: ({ task }) => ({ text: task }) },
    { head: 'STATE', width: 11, cell: ({ state }) => stateSpan(state, theme) },
    {
      head: 'DONATION',
      width: 11,
      spare: 3,
      cell: ({ donation }) => ({ text: donation ? shortId(donation) : '', tone: 'dim' }),
    },
    {
      head: 'DONOR',
      width: 18,
      spare: 2,
      cell: ({ donorName }) => ({ text: donorName ?? '' }),
    },
    {
      head: 'TRIES',
      width: 6,
      spare: 1,
      align: 'right',
      cell: ({ attempts, maxAttempts }) => ({ text: `${attempts}/${maxAttempts}`, tone: 'dim' }),
    },
    { head: 'AGE', width: 5, align: 'right', cell: ({ at }) => ({ text: ago(at, now) }) },
    {
      head: 'NEXT',
      width: 6,
      align: 'right',
      spare: 4,
      cell: ({ state, runAt }) => {
        if (state !== 'scheduled' && state !== 'retrying') return { text: '' };
        return { text: formatDuration(Math.max(0, runAt.getTime() - now)) };
      },
    },
    { head: 'LAST ERROR', width: 'fill', least: 28, cell: ({ error }) => ({ text: error ?? '' }) },
  ];
}

export function errorColumns(now: number, theme: Theme): ScreenColumn<ErrorGroup>[] {
  const { glyphs } = theme;
  return [
    {
      head: 'FAILED',
      width: 7,
      align: 'right',
      cell: ({ failed }) => count(failed, 'bad'),
    },
    { head: 'HELD', width: 5, align: 'right', cell: ({ held }) => count(held, 'bad') },
    {
      head: 'LAST HOUR',
      width: 9,
      align: 'right',
      cell: ({ recent, before }) => ({
        text: `${compact(recent)} ${recent > before ? glyphs.up : recent < before ? glyphs.down : ' '}`,
        tone: recent > before ? 'bad' : undefined,
      }),
    },
    { head: 'TASKS', width: 16, cell: ({ tasks }) => ({ text: tasks.join(', ') }) },
    {
      head: 'CLASS',
      width: 15,
      from: 110,
      cell: ({ errorClass }) => ({ text: errorClass ?? '', tone: 'dim' }),
    },
    {
      head: 'FIRST',
      width: 5,
      spare: 1,
      align: 'right',
      from: 90,
      cell: ({ first }) => ({ text: ago(first, now), tone: 'dim' }),
    },
    { head: 'LAST', width: 5, align: 'right', cell: ({ last }) => ({ text: ago(last, now) }) },
    { head: 'ERROR', width: 'fill', least: 24, cell: ({ message }) => ({ text: message }) },
  ];
}

export function failureColumns(theme: Theme): ScreenColumn<FailedAttempt>[] {
  return [
    { head: 'AT', width: 8, cell: ({ at }) => ({ text: timeOf(at) }) },
    { head: 'JOB', width: 9, align: 'right', cell: ({ job }) => ({ text: job, tone: 'bold' }) },
    { head: 'TASK', width: 15, cell: ({ task }) => ({ text: task }) },
    { head: 'TRY', width: 3, align: 'right', cell: ({ attempt }) => ({ text: String(attempt) }) },
    { head: 'OUTCOME', width: 11, cell: ({ outcome }) => stateSpan(outcome, theme) },
    {
      head: 'DONATION',
      width: 11,
      spare: 1,
      cell: ({ donation }) => ({ text: donation ? shortId(donation) : '', tone: 'dim' }),
    },
    { head: 'ERROR', width: 'fill', least: 28, cell: ({ error }) => ({ text: error }) },
  ];
}

export function workerColumns(now: number, theme: Theme): ScreenColumn<Plain<WorkerRow>>[] {
  return [
    { head: 'WORKER', width: 11, cell: ({ id }) => ({ text: shortId(id), tone: 'bold' }) },
    { head: 'STATE', width: 10, cell: ({ state }) => stateSpan(state, theme) },
    {
      head: 'BUSY',
      width: 7,
      align: 'right',
      cell: ({ running, concurrency }) => ({ text: `${running.length}/${concurrency}` }),
    },
    {
      head: 'SEEN',
      width: 5,
      align: 'right',
      cell: ({ seenAt }) => ({ text: ago(seenAt, now) }),
    },
    { head: 'HOST', width: 14, from: 60, cell: ({ host }) => ({ text: host }) },
    {
      head: 'PID',
      width: 7,
      align: 'right',
      from: 70,
      cell: ({ pid }) => ({ text: String(pid), tone: 'dim' }),
    },
    {
      head: 'UP',
      width: 5,
      align: 'right',
      from: 80,
      cell: ({ startedAt }) => ({ text: ago(startedAt, now) }),
    },
    {
      head: 'VERSION',
      width: 8,
      from: 110,
      cell: ({ version }) => ({ text: version, tone: 'dim' }),
    },
    {
      head: 'RUNS',
      width: 'fill',
      from: 46,
      cell: ({ running }) => {
        const tasks = new Map<string, number>();
        for (const { task } of running) tasks.set(task, (tasks.get(task) ?? 0) + 1);
        return { text: [...tasks].map(([task, n]) => `${n} ${task}`).join(', ') };
      },
    },
  ];
}

export function receiptColumns(now: number, theme: Theme): ScreenColumn<ListedDelivery>[] {
  return [
    { head: 'RECEIPT', width: 13, cell: ({ number }) => ({ text: number, tone: 'bold' }) },
    { head: 'STATUS', width: 11, cell: ({ status }) => stateSpan(status, theme) },
    { head: 'KIND', width: 8, spare: 2, cell: ({ kind }) => ({ text: kind, tone: 'dim' }) },
    {
      head: 'AMOUNT',
      width: 15,
      align: 'right',
      spare: 1,
      cell: ({ amountMinor, currency }) => ({
        text:
          amountMinor === null || currency === null
            ? ''
            : formatMoney({ minor: amountMinor, currency }),
      }),
    },
    { head: 'TO', width: 26, cell: ({ recipient }) => ({ text: recipient }) },
    { head: 'AGE', width: 5, align: 'right', cell: ({ at }) => ({ text: ago(at, now) }) },
    { head: 'WHY', width: 'fill', least: 24, cell: ({ reason }) => ({ text: reason ?? '' }) },
  ];
}

/** The columns of `alerts list`, as many as there is room for. */
export function alertColumns(now: number, theme: Theme): ScreenColumn<Incident>[] {
  return [
    {
      head: 'LEVEL',
      width: 10,
      cell: ({ level, closedAt }) =>
        closedAt === null
          ? stateSpan(level, theme)
          : { text: `${theme.glyphs.good} ${level}`, tone: 'dim' },
    },
    {
      head: 'STATUS',
      width: 12,
      cell: (row) => ({ text: statusOf(row), tone: STATUS_TONES[statusOf(row)] }),
    },
    { head: 'WHAT', width: 'fill', least: 30, cell: (row) => ({ text: incidentInWords(row) }) },
    {
      head: 'SINCE',
      width: 12,
      spare: 3,
      cell: ({ openedAt }) => ({ text: momentOf(openedAt, now) }),
    },
    {
      head: 'LASTED',
      width: 6,
      align: 'right',
      cell: ({ lastedMs }) => ({ text: formatDuration(lastedMs), tone: 'dim' }),
    },
    { head: 'JOBS', width: 6, align: 'right', spare: 4, cell: ({ jobs }) => affected(jobs) },
    { head: 'DONORS', width: 6, align: 'right', spare: 1, cell: ({ donors }) => affected(donors) },
    {
      head: 'GIFTS',
      width: 14,
      align: 'right',
      spare: 5,
      cell: (row) => ({ text: giftsInWords(row) }),
    },
    {
      head: 'ACKNOWLEDGED BY',
      width: 18,
      spare: 2,
      cell: ({ acknowledged, acknowledgedBy, acknowledgedUntil }) => {
        if (!acknowledged) return { text: '' };
        const end = acknowledgedUntil ? ` until ${momentOf(acknowledgedUntil, now)}` : '';
        return { text: `${acknowledgedBy}${end}`, tone: 'accent' };
      },
    },
    {
      head: 'ALERT',
      width: 5,
      align: 'right',
      spare: 6,
      cell: ({ alertedAt }) => ({ text: alertedAt ? ago(alertedAt, now) : '', tone: 'dim' }),
    },
    { head: 'RULE', width: 13, spare: 7, cell: ({ rule }) => ({ text: rule, tone: 'dim' }) },
  ];
}

const STATUS_TONES: Record<IncidentStatus, Span['tone']> = {
  open: 'bold',
  acknowledged: 'accent',
  silenced: 'accent',
  over: 'dim',
};

const affected = (value: number | null): Span => (value === null ? { text: '' } : count(value));

export function auditColumns(now: number): ScreenColumn<AuditEntry>[] {
  return [
    { head: 'AGO', width: 5, align: 'right', cell: ({ at }) => ({ text: ago(at, now) }) },
    { head: 'WHO', width: 18, cell: ({ actor, host }) => ({ text: `${actor}@${host}` }) },
    { head: 'ACTION', width: 18, cell: ({ action }) => ({ text: action, tone: 'bold' }) },
    {
      head: 'CHANGED',
      width: 7,
      align: 'right',
      cell: ({ affected }) => ({ text: affected === null ? '' : compact(affected) }),
    },
    {
      head: 'OF',
      width: 'fill',
      cell: ({ subject, filter }) => ({ text: subject ?? filter ?? '' }),
    },
    {
      head: 'WHY',
      width: 'fill',
      from: 90,
      cell: ({ reason }) => ({ text: reason ?? '', tone: 'dim' }),
    },
  ];
}

export function eventColumns(theme: Theme): ScreenColumn<MonitorEvent>[] {
  const { glyphs } = theme;
  const look = { good: glyphs.good, warn: glyphs.warn, bad: glyphs.bad, dim: glyphs.idle };
  return [
    { head: 'AT', width: 8, cell: ({ at }) => ({ text: timeOf(at), tone: 'dim' }) },
    { head: '', width: 1, cell: ({ tone }) => ({ text: look[tone], tone }) },
    {
      head: 'WHAT',
      width: 'fill',
      cell: ({ text, donation }) => ({
        text: `${text}${donation ? `  ${shortId(donation)}` : ''}`,
      }),
    },
  ];
}
