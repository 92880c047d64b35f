import { Box } from 'ink';
import type { ReactNode } from 'react';
import { errorLevel, judgeHealth } from '../../../lib/monitor/health.ts';
import type { Reason, Tasks } from '../../../lib/monitor/snapshot.ts';
import { formatDuration, inZone } from '../../../lib/output/time.ts';
import { JOB_STATES } from '../../../lib/queue/states.ts';
import { countOf } from '../selection.ts';
import type { State, View } from '../state.ts';
import { compact, percent, rate, widthOf } from '../text.ts';
import type { Span, Theme } from '../theme.ts';
import { clockOf, momentOf, NOT_KNOWN } from './cells.ts';
import { Line, useTheme } from './parts.tsx';

/** How old what is shown is. */
const ageOf = ({ now, snapshot }: State) =>
  snapshot ? Math.max(0, now - Date.parse(snapshot.at)) : undefined;

function freshness(state: State, { glyphs }: Theme): Span[] {
  const age = ageOf(state);
  const old = age === undefined ? '' : ` ${formatDuration(Math.floor(age / 1000) * 1000)}`;
  if (state.link.status === 'lost')
    return [{ text: ` ${glyphs.stale} STALE${old} `, tone: 'bad', bold: true, inverse: true }];
  if (state.past) {
    const { at, timeZone } = state.past;
    const { day, time } = inZone(new Date(at), timeZone);
    const words = `${day} ${time.replace(/:00$/, '')} ${timeZone}`;
    const isThere = state.snapshot && Date.parse(state.snapshot.at) === at;
    return [
      { text: ` PAST ${words} `, tone: 'accent', bold: true, inverse: true },
      { text: isThere ? '' : glyphs.more, tone: 'dim' },
    ];
  }
  if (state.frozen)
    return [{ text: ` ${glyphs.paused} FROZEN${old} `, tone: 'accent', bold: true, inverse: true }];
  if (age === undefined) return [{ text: `${glyphs.more} connecting`, tone: 'dim' }];
  const isOld = age > 10_000;
  return [
    { text: `${glyphs.good} `, tone: isOld ? 'warn' : 'good' },
    { text: age < 1500 ? 'live' : `${formatDuration(Math.floor(age / 1000) * 1000)} old` },
  ];
}

const TITLES: Record<View['name'], (arg: string) => string> = {
  overview: () => 'overview',
  jobs: (arg) => `jobs ${arg}`.trim(),
  errors: () => 'errors',
  failures: (arg) => `failures at ${clockOf(Date.parse(arg.split('/')[0] as string))}`,
  job: (arg) => `job ${arg}`,
  donation: (arg) => arg,
  workers: () => 'workers',
  receipts: (arg) => `receipts ${arg}`.trim(),
  alerts: (arg) => `alerts ${arg}`.trim(),
  incident: (arg) => arg,
  audit: () => 'audit',
  change: (arg) => arg,
};

const titleOf = ({ name, arg }: View) => TITLES[name](arg);

/** Where one is, which database, how fast it answers, how fresh it is. */
export function Header({ state, width }: { state: State; width: number }): ReactNode {
  const theme = useTheme();
  const { glyphs } = theme;
  const { session, views, link } = state;
  const mode: Span =
    session.mode === 'live'
      ? { text: ' LIVE ', tone: 'bad', bold: true, inverse: true }
      : { text: ` ${session.mode.toUpperCase()} `, tone: 'warn', bold: true, inverse: true };
  const path = views.slice(-4).map(titleOf);
  const left: Span[] = [
    { text: 'donations ', bold: true },
    mode,
    { text: ' ' },
    ...(session.readOnly ? [{ text: 'read-only ', tone: 'accent' as const }] : []),
    ...path.flatMap((title, i): Span[] => [
      ...(i > 0 ? [{ text: ` ${glyphs.into} `, tone: 'dim' as const }] : []),
      { text: title, ...(i === path.length - 1 ? { bold: true } : { tone: 'dim' as const }) },
    ]),
  ];
  const latency =
    link.latencyMs === undefined ? '' : `${formatDuration(Math.max(1, link.latencyMs))}  `;
  const where: Span[] = width >= 100 ? [{ text: `${session.where}  `, tone: 'dim' }] : [];
  // What is fresh or not is outside of the dimming.
  const right: Span[] = [...where, { text: latency, tone: 'dim' }, ...freshness(state, theme)];
  const room = width - widthOf(right) - 1;
  return (
    <Box>
      <Box width={room + 1}>
        <Line spans={left} width={room} />
      </Box>
      <Line spans={right} width={widthOf(right)} />
    </Box>
  );
}

/** The end of an acknowledgement is left out when there is no room. */
function reasonSpans(reason: Reason, now: number, { glyphs }: Theme, width: number): Span[] {
  const { level, text, since, mend } = reason;
  const tone = level === 'critical' ? 'bad' : 'warn';
  const lasted = since === null ? '' : ` ${formatDuration(Math.max(0, now - Date.parse(since)))}`;
  // Reasons about waiting say how long in their own text.
  const age = text.endsWith(lasted) ? '' : lasted;
  const spans = (handled: string): Span[] => [
    { text: `${level === 'critical' ? glyphs.bad : glyphs.warn} `, tone },
    { text, tone, bold: level === 'critical' && handled === '' },
    { text: age, tone: 'dim' },
    { text: handled && ` (${handled})`, tone: 'accent' },
    { text: ` ${glyphs.into} `, tone: 'dim' },
    { text: mend, tone: 'accent' },
  ];
  const whole = spans(handledWords(reason, now, false));
  return widthOf(whole) <= width ? whole : spans(handledWords(reason, now, true));
}

/** Who acknowledged a reason, and whether it is silenced; empty when neither is so. */
export function handledWords(reason: Reason, now: number, short: boolean): string {
  const until = (end: string | null) =>
    end === null || short ? '' : ` until ${momentOf(end, now)}`;
  const { acknowledgedBy: by, acknowledgedUntil, silenced, silencedUntil } = reason;
  return [
    ...(by === null ? [] : [`acknowledged by ${by}${until(acknowledgedUntil)}`]),
    ...(silenced ? [`silenced${until(silencedUntil)}`] : []),
  ].join(', ');
}

/** The lines of the health line: all is well, or why not, since when, and what fixes it. */
export function healthLines(state: State, theme: Theme, width: number, most: number): Span[][] {
  const { snapshot, link } = state;
  const { glyphs } = theme;
  if (link.status === 'lost') {
    return [
      [
        { text: `${glyphs.bad} the database cannot be reached`, tone: 'bad', bold: true },
        { text: `: ${link.error ?? ''}; trying again each second`, tone: 'dim' },
      ],
    ];
  }
  if (!snapshot?.tasks.value) {
    const behind = snapshot?.tasks.behind;
    return [[{ text: behind ?? 'looking…', tone: behind ? 'warn' : 'dim' }]];
  }
  const health = judgeHealth(snapshot, state.session.rules, state.now);
  if (health.level === 'ok') {
    const alive = snapshot.workers.value?.filter((worker) => worker.state === 'alive').length ?? 0;
    const workers = `${alive} worker${alive === 1 ? '' : 's'}`;
    const words = state.past
      ? `${workers}, no incident was open`
      : `${workers}, nothing failed or held, nothing waits`;
    return [
      [
        { text: `${glyphs.good} ok`, tone: 'good', bold: true },
        { text: `  ${words}`, tone: 'dim' },
      ],
    ];
  }
  const lines: Span[][] = [[]];
  let left = health.reasons.length;
  for (const each of health.reasons) {
    const reason = reasonSpans(each, state.now, theme, width);
    const line = lines.at(-1) as Span[];
    const more = left > 1 ? 8 : 0;
    const isFull = line.length > 0 && widthOf(line) + 3 + widthOf(reason) > width - more;
    if (isFull && lines.length >= most) {
      line.push({ text: `  +${left} more`, tone: 'dim' });
      return lines;
    }
    if (isFull) lines.push([...reason]);
    else line.push(...(line.length > 0 ? [{ text: '   ' }] : []), ...reason);
    left -= 1;
  }
  return lines;
}

export function HealthLine({
  state,
  width,
  height,
}: {
  state: State;
  width: number;
  height: number;
}): ReactNode {
  const theme = useTheme();
  const lines = healthLines(state, theme, width, height);
  return (
    <Box flexDirection="column" height={height}>
      {lines.slice(0, height).map((spans, i) => (
        <Line key={String(i)} spans={spans} width={width} />
      ))}
    </Box>
  );
}

const SHORT: Record<string, string> = {
  running: 'run',
  scheduled: 'later',
  retrying: 'retry',
  failed: 'fail',
};

/** How the totals are squeezed, from the roomiest on. */
const SQUEEZES = [
  { short: false, gap: 3, p95: true, all: true },
  { short: true, gap: 2, p95: true, all: true },
  { short: true, gap: 1, p95: false, all: true },
  { short: true, gap: 1, p95: false, all: false },
];
type Squeeze = (typeof SQUEEZES)[number];

/** How many jobs there are of each state, and how it goes. */
export function Totals({ state, width }: { state: State; width: number }): ReactNode {
  const tasks = state.snapshot?.tasks.value;
  if (!tasks) return <Line spans={[]} width={width} />;
  const lines = SQUEEZES.map((squeeze) => {
    const counts = countSpans(state, tasks, squeeze);
    const rates = rateSpans(state, tasks, squeeze);
    return { counts, rates, gap: width - widthOf(counts) - widthOf(rates) };
  });
  const { counts, rates, gap } = (lines.find((line) => line.gap > 0) ?? lines.at(-1)) as Totalled;
  const space = ' '.repeat(Math.max(1, gap));
  return <Line spans={[...counts, { text: space }, ...rates]} width={width} />;
}

type Totalled = { counts: Span[]; rates: Span[]; gap: number };

function countSpans(state: State, tasks: Tasks, { short, gap, all }: Squeeze): Span[] {
  const isCut = (name: string) =>
    tasks.more.includes(
      name === 'ready' ? 'ready' : name === 'failed' || name === 'held' ? 'failed' : 'later',
    ) && name !== 'running';
  return JOB_STATES.flatMap((name, i): Span[] => {
    const known = countOf(state, name);
    const count = known ?? 0;
    const matters = name === 'failed' || name === 'held';
    // On a narrow screen those that there are, and those that matter.
    if (!all && count === 0 && !matters) return [];
    return [
      { text: `${i + 1} `, tone: 'dim' },
      { text: `${(short && SHORT[name]) || name} `, tone: count > 0 ? undefined : 'dim' },
      {
        text: known === null ? NOT_KNOWN : `${compact(count)}${isCut(name) ? '+' : ''}`,
        tone: matters && count > 0 ? 'bad' : count > 0 ? 'bold' : 'dim',
        bold: count > 0,
      },
      { text: ' '.repeat(gap) },
    ];
  });
}

function rateSpans({ session }: State, { rows }: Tasks, { short, p95 }: Squeeze): Span[] {
  const done = rows.reduce((sum, row) => sum + row.donePerMinute, 0);
  const worst = Math.max(0, ...rows.map((row) => row.errorRate ?? 0));
  const isWrong = rows.some((row) => errorLevel(row, session.rules) !== 'ok');
  const slowest = Math.max(0, ...rows.map((row) => row.duration?.p95 ?? 0));
  return [
    { text: 'done ', tone: 'dim' },
    { text: `${rate(done)}/min`, bold: true },
    { text: short ? ' err ' : '   errors at most ', tone: 'dim' },
    { text: percent(worst), tone: isWrong ? 'bad' : undefined, bold: true },
    ...(p95
      ? ([
          { text: short ? ' p95 ' : '   p95 ', tone: 'dim' },
          { text: formatDuration(slowest), bold: true },
        ] as Span[])
      : []),
  ];
}
