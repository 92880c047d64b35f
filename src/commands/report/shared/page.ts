import { findingInWords } from '../../../lib/health/words.ts';
import { inZone } from '../../../lib/output/time.ts';
import type { Chart, Marks } from '../../../lib/reports/charts.ts';
import { reportPage } from '../../../lib/reports/page.ts';
import type { PeriodReport } from '../../../lib/reports/period.ts';
import { type Series, seriesOf } from './charts.ts';
import { type Headline, minuteFor, sectionsOf, type Writing } from './sections.ts';

const TIMES = 5;

/** The report as an HTML page. */
export function pageOf(
  report: PeriodReport,
  writing: Writing,
  { at, version, ...head }: Headline & { at: Date; version: string },
): string {
  const clock = minuteFor(report, writing.timeZone);
  const { samples, stepMs, missing, lateMs } = report;
  const begun = Date.parse(samples[0]?.at ?? report.from.toISOString());
  const spanMs = stepMs * samples.length;
  const starts = samples.map((bucket) => clock(new Date(bucket.at)));
  const made = inZone(at, writing.timeZone);
  return reportPage({
    ...head,
    charts: seriesOf(report).map((series) => toChart(series, starts, lateMs)),
    marks: marksOf(report, clock, (moment) => (moment.getTime() - begun) / spanMs),
    times: Array.from({ length: TIMES }, (_, i) =>
      clock(new Date(begun + (spanMs * i) / (TIMES - 1))),
    ),
    columnTimes: starts,
    sections: sectionsOf(report, writing),
    missing,
    footer: `Made on ${made.day} at ${made.time} by donations ${version}.`,
  });
}

function toChart(series: Series, starts: string[], lateMs: number): Chart {
  const { values, words } = series;
  const known = values.filter((value) => value !== null);
  const highest = Math.max(0, ...known);
  const about =
    known.length === 0
      ? 'No worker looked in this time.'
      : highest === 0
        ? 'None in this time.'
        : `The most is ${words(highest)}, from ${starts[values.indexOf(highest)]} on.`;
  return { ...series, about, limit: series.tone === 'wait' ? lateMs : undefined };
}

function marksOf(
  { incidents, changes }: PeriodReport,
  clock: (at: Date) => string,
  share: (at: Date) => number,
): Marks {
  const within = (value: number) => Math.max(0, Math.min(1, value));
  return {
    spans: incidents.map((incident) => ({
      from: within(share(incident.openedAt)),
      to: incident.closedAt ? within(share(incident.closedAt)) : 1,
      level: incident.worst,
      label: `${findingInWords({ name: incident.rule, kind: incident.kind }, { ...incident, value: incident.peak })}, from ${clock(incident.openedAt)}`,
    })),
    lines: changes.map(({ at, actor, action }) => ({
      at: within(share(at)),
      label: `${clock(at)} ${actor}: ${action}`,
    })),
  };
}
