import type { AuditEntry } from '../../../lib/audit/entries.ts';
import type { Rule } from '../../../lib/health/rule-kinds.ts';
import { formatMoney } from '../../../lib/money.ts';
import { errorLevel, taskState, waitLevel, waitMs } from '../../../lib/monitor/health.ts';
import type { MonitorEvent, Plain, SnapshotTask, Tasks } from '../../../lib/monitor/snapshot.ts';
import type { Tone } from '../../../lib/output/io.ts';
import { lookOf } from '../../../lib/output/status.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import type { ErrorGroup } from '../../../lib/queue/read/errors.ts';
import type { FailedAttempt } from '../../../lib/queue/read/failures.ts';
import type { ListedJob } from '../../../lib/queue/read/list.ts';
import type { WorkerRow } from '../../../lib/queue/run/workers.ts';
import type { ListedDelivery } from '../../../lib/receipts/list.ts';
import { sparkline } from '../chart.ts';
import { compact, percent, rate } from '../text.ts';
import type { Span, Theme } from '../theme.ts';
import type { ScreenColumn } from './parts.tsx';

/** What stands for a number of the past that no history holds. */
export const NOT_KNOWN = '?';

const count = (value: number | null, tone?: Span['tone'], more = false): Span =>
  value === null || value === 0
    ? { text: value === null ? NOT_KNOWN : '0', tone: 'dim' }
    : { text: `${compact(value)}${more ? '+' : ''}`, tone: tone ?? undefined };

/** The end of an id distinguishes ids of the same minute. */
const shortId = (id: string) => (id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id);

const ago = (at: Date | string, now: number) => {
  const ms = now - (typeof at === 'string' ? Date.parse(at) : at.getTime());
  return formatDuration(Math.max(0, ms));
};

/** Of tasks, as only the monitor judges them. */
const TASK_LOOKS: Record<string, [glyph: string, tone: Tone]> = {
  slow: ['▲', 'warn'],
  failing: ['✕', 'bad'],
  'circuit open': ['✕', 'bad'],
  refused: ['✕', 'bad'],
  idle: ['○', 'dim'],
};

const PLAIN_GLYPHS: Record<string, string> = {
  '●': '*',
  '▶': '>',
  '◷': 'o',
  '▲': '!',
  '✕': 'x',
  '‖': '=',
  '○': 'o',
  '·': '-',
};

/** What a word about a state looks like, in the letters that the terminal has. */
export function stateLook(
  state: string,
  { ascii }: Theme,
): { glyph: string; tone: Tone; word: string } {
  const own = TASK_LOOKS[state];
  const look = own ? { glyph: own[0], tone: own[1], word: state } : lookOf(state);
  return ascii ? { ...look, glyph: PLAIN_GLYPHS[look.glyph] ?? '-' } : look;
}

export function stateSpan(state: string, theme: Theme): Span {
  const { glyph, tone, word } = stateLook(state, theme);
  return { text: `${glyph} ${word}`, tone };
}

export function taskColumns(
  tasks: Tasks,
  { rules, now }: { rules: Rule[]; now: number },
  theme: Theme,
): ScreenColumn<SnapshotTask>[] {
  const more = (name: string) => tasks.more.includes(name);
  return [
    { head: 'TASK', width: 'fill', least: 15, cell: ({ task }) => ({ text: task, tone: 'bold' }) },
    {
      head: 'READY',
      width: 6,
      align: 'right',
      cell: (row) =>
        row.readyEstimate !== null && row.readyEstimate > (row.ready ?? 0)
          ? { text: `~${compact(row.readyEstimate)}` }
          : count(row.ready, undefined, more('ready') && row.ready !== 0),
    },
    { head: 'RUN', width: 4, spare: 3, align: 'right', cell: ({ running }) => count(running) },
    {
      head: 'LATER',
      width: 6,
      align: 'right',
      from: 100,
      cell: ({ scheduled }) => count(scheduled, undefined, more('later')),
    },
    {
      head: 'RETRY',
      width: 5,
      spare: 4,
      align: 'right',
      cell: ({ retrying }) => count(retrying, 'warn', more('later')),
    },
    {
      head: 'FAILED',
      width: 6,
      align: 'right',
      cell: ({ failed }) => count(failed, 'bad', more('failed')),
    },
    {
      head: 'HELD',
      width: 5,
      align: 'right',
      cell: ({ held }) => count(held, 'bad', more('failed')),
    },
    {
      head: 'IN/MIN',
      width: 7,
      align: 'right',
      from: 110,
      cell: ({ enqueuedPerMinute }) => ({
        text: rate(enqueuedPerMinute),
        tone: dimZero(enqueuedPerMinute),
      }),
    },
    {
      head: 'DONE/MIN',
      width: 8,
      align: 'right',
      from: 66,
      cell: ({ donePerMinute }) => ({ text: rate(donePerMinute), tone: dimZero(donePerMinute) }),
    },
    {
      head: 'ERR',
      width: 4,
      spare: 1,
      align: 'right',
      cell: (row) => {
        const { errorRate } = row;
        if (errorRate === null) return { text: '' };
        const isWrong = errorLevel(row, rules) !== 'ok';
        return { text: percent(errorRate), tone: isWrong ? 'bad' : dimZero(errorRate) };
      },
    },
    {
      head: 'WAIT',
      width: 5,
      spare: 2,
      align: 'right',
      cell: (row) => {
        const wait = waitMs(row, now);
        return wait < 1000
          ? { text: '' }
          : {
              text: formatDuration(wait),
              tone: waitLevel(row, rules, now) === 'ok' ? undefined : 'bad',
            };
      },
    },
    {
      head: 'P95',
      width: 6,
      align: 'right',
      from: 100,
      cell: ({ duration }) => ({ text: duration ? formatDuration(duration.p95) : '' }),
    },
    {
      head: 'TREND',
      width: 12,
      from: 116,
      cell: ({ trend }) => ({ text: sparkline(trend, 12, theme.glyphs), tone: 'good' }),
    },
    {
      head: 'STATE',
      width: 14,
      cell: (row) => stateSpan(taskState(row, tasks, rules, now), theme),
    },
  ];
}

const dimZero = (value: number): Span['tone'] => (value === 0 ? 'dim' : undefined);

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

export const timeOf = (at: string | Date) => {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
};

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
