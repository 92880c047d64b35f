import { Command } from 'commander';
import { usageError } from '../lib/errors.ts';
import { formatMoney } from '../lib/money.ts';
import { plain, print } from '../lib/output/io.ts';
import { type Column, chosenFormat, renderOne } from '../lib/output/render.ts';
import { plural } from '../lib/output/text.ts';
import type { DailyReport } from '../lib/reports/daily.ts';
import type { Context } from './context.ts';
import { PERIOD_FIELDS, type PeriodOptions } from './report/shared/options.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

const sums = ({ amounts }: DailyReport) =>
  amounts.map(({ currency, minor }) => ({ currency, amount_minor: BigInt(minor) }));

const COLUMNS: Column<DailyReport>[] = [
  { name: 'day', header: 'DAY', value: (row) => row.day },
  { name: 'gift_count', header: 'GIFTS', value: (row) => row.gifts },
  { name: 'amounts', header: 'AMOUNTS', value: sums },
  { name: 'declined', header: 'DECLINED', value: (row) => row.declined },
  { name: 'receipts_sent', header: 'RECEIPTS SENT', value: (row) => row.receiptsSent },
  { name: 'failed', header: 'FAILED', value: (row) => row.failed },
  { name: 'incident_count', header: 'INCIDENTS', value: (row) => row.incidents },
  { name: 'critical_incident_count', header: 'CRITICAL', value: (row) => row.criticalIncidents },
  { name: 'now', header: 'NOW', value: (row) => row.now },
];

type Options = PeriodOptions & { daily?: boolean; day?: string };

/** `donations report`: a day for people who do not run the machines, or a period for those who do. */
export function reportCommand(context: Context): Command {
  const command = new Command('report')
    .description(
      'summarise a day (gifts, receipts, what failed), or what happened from one time to another',
    )
    .option('--daily', 'of one whole day, by the organisation’s clock')
    .option('--day <date>', 'which, as 2026-11-24; yesterday if not given')
    .option(
      '--from <time>',
      'from this time on: 02:00, 2026-11-24 02:00, 3h; by the organisation’s clock',
    )
    .option('--to <time>', 'up to this time; now if not given')
    .option('--html <file>', 'with --from: write it as one HTML page, to read, mail or print');
  const fields = ({ daily }: Options) => (daily ? COLUMNS : PERIOD_FIELDS);
  return examples(withOutput<Options>(command, fields), [
    ['donations report --daily', 'yesterday; for a mail by cron'],
    ['donations report --daily --day 2026-11-24 --json', 'a day, for a script'],
    ['donations report --from 02:00 --to 05:00 --html night.html', 'what happened last night'],
  ]).action(async (options: Options) => {
    checkChoice(options);
    if (options.from !== undefined) {
      const { reportPeriod } = await import('./report/shared/period.ts');
      return reportPeriod(context, options);
    }
    const { dailyReport } = await import('../lib/reports/daily.ts');
    const { organization, mode } = await context.config();
    const { timeZone } = organization;
    const report = await context.read((tx) => dailyReport(tx, { day: options.day, timeZone }));
    const { io } = context;
    if (chosenFormat(options).format !== 'table') return renderOne(io, options, COLUMNS, report);
    const label = mode === 'live' ? '' : `${mode.toUpperCase()}: `;
    print(io, plain(`${label}${organization.legalName}, ${report.day}`));
    for (const line of inWords(report, organization.locale)) print(io, plain(line));
  });
}

/** @throws UserError `usage` unless the options are of one kind of report. */
function checkChoice({ daily, day, from, to, html }: Options): void {
  if (daily && from !== undefined)
    throw usageError('--daily and --from are two reports', 'Use only one of them.');
  if (!daily && from === undefined)
    throw usageError('no report is chosen', 'Add --daily, or --from 02:00 --to 05:00.');
  if (daily && (to !== undefined || html !== undefined))
    throw usageError('--to and --html belong to --from', 'Leave out --daily, and add --from.');
  if (!daily && day !== undefined)
    throw usageError('--day belongs to --daily', 'Add --daily, or write --from DATE --to DATE.');
}

function inWords(report: DailyReport, locale: string): string[] {
  const { gifts, declined, receiptsSent, failed, incidents, criticalIncidents, now } = report;
  const money = report.amounts
    .map(({ currency, minor }) => formatMoney({ minor: BigInt(minor), currency }, locale))
    .join(' and ');
  const open = [
    ...(now.unsettled > 0 ? [`${plural(now.unsettled, 'gift')} not settled`] : []),
    ...(now.held > 0
      ? [`${plural(now.held, 'mail or task', 'mails or tasks')} held for a decision`]
      : []),
    ...(now.failed > 0 ? [`${plural(now.failed, 'task')} failed`] : []),
  ];
  const worst = criticalIncidents > 0 ? `, ${criticalIncidents} of them critical` : '';
  return [
    `${plural(gifts, 'gift')}${money ? `, ${money}` : ''}; ${plural(declined, 'gift')} declined.`,
    `${plural(receiptsSent, 'receipt')} sent.`,
    failed > 0
      ? `${plural(failed, 'task')} failed on that day and ${failed === 1 ? 'waits' : 'wait'} for a person.`
      : 'Nothing of that day has failed for good.',
    incidents > 0 ? `${plural(incidents, 'disturbance')}${worst}.` : 'No disturbances.',
    open.length > 0 ? `Open now: ${open.join(', ')}.` : 'Nothing is open now.',
  ];
}
