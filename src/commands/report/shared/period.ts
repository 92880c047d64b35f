import type { Config } from '../../../lib/config.ts';
import { resolveRules } from '../../../lib/health/rule-settings.ts';
import { lowestThreshold } from '../../../lib/health/rules.ts';
import { parsePeriod } from '../../../lib/moment.ts';
import { paint, plain, print } from '../../../lib/output/io.ts';
import { chosenFormat, render, renderOne, toRecord } from '../../../lib/output/render.ts';
import { snakeCase } from '../../../lib/output/snake-case.ts';
import { plural } from '../../../lib/output/text.ts';
import { formatDuration, inZone } from '../../../lib/output/time.ts';
import { type PeriodReport, periodReport } from '../../../lib/reports/period.ts';
import type { Context } from '../../context.ts';
import { writePrivate } from '../../shared/write-private.ts';
import { drawTerminalCharts } from './charts.ts';
import { PERIOD_FIELDS, type PeriodOptions } from './options.ts';
import { pageOf } from './page.ts';
import { type Headline, minuteFor, sectionsOf, sumsInWords, type Writing } from './sections.ts';

/** Where a job counts as late when no rule says so. */
const LATE_MS = 60_000;

/** `donations report --from … --to …`: what happened in a period, for people who look afterwards. */
export async function reportPeriod(
  context: Context,
  { from = '', to, html, ...output }: PeriodOptions,
): Promise<void> {
  const config = await context.config();
  const { timeZone, locale } = config.organization;
  const period = parsePeriod({ from, to }, { now: context.clock.now(), timeZone });
  const lateMs = lowestThreshold(resolveRules(config.health.rules), 'wait') ?? LATE_MS;
  const report = await context.read((tx) => periodReport(tx, { ...period, lateMs }));
  const writing = { timeZone, locale };
  if (html !== undefined) {
    const made = { at: context.clock.now(), version: context.version };
    const page = pageOf(report, writing, { ...headline(report, config), ...made });
    await writePrivate(context.io, html, page);
    if (chosenFormat(output).format === 'table') return;
  }
  if (chosenFormat(output).format !== 'table')
    return renderOne(context.io, output, PERIOD_FIELDS, toFields(report, writing));
  printReport(context, report, writing, headline(report, config));
}

/** The same rows and names as in the tables. */
function toFields(report: PeriodReport, writing: Writing): Record<string, unknown> {
  const { trouble, lateMs } = report;
  const tables = sectionsOf(report, writing).map(({ name, columns, rows }) => [
    name,
    rows.map((row) => toRecord(columns, row)),
  ]);
  return snakeCase({
    from: report.from,
    to: report.to,
    timeZone: writing.timeZone,
    stepMs: report.stepMs,
    samples: report.samples,
    totals: report.totals,
    longestWaitMs: report.longestWaitMs,
    ...Object.fromEntries(tables),
    donors: { wrong: trouble.wrong, late: { ...trouble.late, fromMs: lateMs } },
    missing: report.missing,
  }) as Record<string, unknown>;
}

function headline(report: PeriodReport, { mode, organization }: Config): Headline {
  const { timeZone, locale, legalName } = organization;
  const clock = minuteFor(report, timeZone);
  const { totals, trouble, incidents, changes, workers, longestWaitMs, lateMs } = report;
  const critical = incidents.filter(({ worst }) => worst === 'critical').length;
  const versions = [...new Set(workers.map(({ version }) => version))];
  const concerned = ({ jobs, donors, amounts }: typeof trouble.wrong, what: string) => {
    const sums = amounts.length > 0 ? `, gifts of ${sumsInWords(amounts, locale)}` : '';
    return jobs === 0
      ? `No job ${what}.`
      : `${plural(jobs, 'job')} ${what}: ${plural(donors, 'donor')}${sums}.`;
  };
  const day = inZone(report.from, timeZone).day;
  return {
    title: `What happened on ${day} from ${clock(report.from)} to ${clock(report.to)}`,
    subtitle: `${mode === 'live' ? '' : `${mode.toUpperCase()}: `}${legalName}. Times are of ${timeZone}.`,
    summary: [
      `${plural(totals.done, 'job')} done; ${plural(totals.retried + totals.failed + totals.held, 'attempt')} went wrong: ${totals.retried} tried again, ${totals.failed} failed, ${totals.held} held.`,
      ...(report.unsampled ? [report.unsampled] : []),
      longestWaitMs === null
        ? 'How long jobs waited is not known.'
        : `The longest wait of a job that was due: ${formatDuration(longestWaitMs)}.`,
      concerned(trouble.wrong, 'went wrong'),
      concerned(trouble.late, `began more than ${formatDuration(lateMs)} late`),
      trouble.openCount === 0
        ? 'Nothing of that is open now.'
        : `${plural(trouble.openCount, 'gift')} of that ${trouble.openCount === 1 ? 'is' : 'are'} failed or held now.`,
      `${plural(incidents.length, 'incident')}${critical > 0 ? `, ${critical} of them critical` : ''}; ${plural(changes.length, 'change')} by people; ${plural(workers.length, 'worker')}${versions.length > 0 ? ` of version ${versions.join(', ')}` : ''}.`,
    ],
  };
}

function printReport(
  context: Context,
  report: PeriodReport,
  writing: Writing,
  { title, subtitle, summary }: Headline,
): void {
  const { io } = context;
  const heading = (text: string) => print(io, `\n${paint(io, 'bold', plain(text))}`);
  print(io, paint(io, 'bold', plain(title)));
  print(io, paint(io, 'dim', plain(subtitle)));
  print(io, '');
  for (const line of summary) print(io, plain(line));
  drawTerminalCharts(io, report, minuteFor(report, writing.timeZone));
  for (const { title, columns, rows, empty } of sectionsOf(report, writing)) {
    heading(title);
    if (rows.length === 0) print(io, paint(io, 'dim', plain(empty)));
    else render(io, {}, columns, rows);
  }
  if (report.missing.length > 0) {
    heading('What this report does not have');
    for (const line of report.missing) print(io, plain(line));
  }
}
