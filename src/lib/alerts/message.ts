import type { Mode } from '../config.ts';
import { compareLevels } from '../health/rules.ts';
import { commandsFor, findingForBusiness, findingInWords } from '../health/words.ts';
import { formatMoney } from '../money.ts';
import { plural } from '../output/text.ts';
import { formatDuration } from '../output/time.ts';
import { safeLine } from '../text.ts';
import type { Incident } from './incidents.ts';
import type { AlertEvent } from './owed.ts';
import type { Audience } from './route-settings.ts';

/** One alert. */
export interface Alert {
  /** Stays the same when it is delivered again. */
  id: string;
  incident: string;
  event: AlertEvent | 'test';
  level: 'warning' | 'critical';
  rule: string;
  /** The task, or what else it is of; null where there is only one thing. */
  subject: string | null;
  /** In a few words. */
  title: string;
  /** In some lines. */
  text: string;
  since: Date;
  closedAt: Date | null;
  jobs: number | null;
  donors: number | null;
  /** In words. */
  money: string | null;
}

/** What goes to one route at one time. */
export interface AlertMessage {
  audience: Audience;
  mode: Mode;
  /** The worst level of its open incidents; undefined when all have ended. */
  level: 'warning' | 'critical' | undefined;
  title: string;
  text: string;
  alerts: Alert[];
}

interface Told {
  id: string;
  event: AlertEvent;
  level: 'warning' | 'critical';
  incident: Incident;
}

export interface Wording {
  audience: Audience;
  mode: Mode;
  locale: string;
}

/** The message of some alerts to an audience. */
export function composeMessage(told: Told[], wording: Wording): AlertMessage {
  const alerts = told.map((each) => toAlert(each, wording));
  return assemble(alerts, wording);
}

/** A message that says that it is a test and nothing else. */
export function testMessage(id: string, at: Date, wording: Wording): AlertMessage {
  const text = 'This is a test of the route. Nothing is wrong, and nothing needs to be done.';
  return assemble(
    [
      {
        ...{ id, incident: id, event: 'test', level: 'warning', rule: 'test', subject: null },
        ...{ title: 'test of this route', text, since: at, closedAt: null },
        ...{ jobs: null, donors: null, money: null },
      },
    ],
    wording,
  );
}

function assemble(alerts: Alert[], { audience, mode }: Wording): AlertMessage {
  const open = alerts.filter(({ event }) => event !== 'recovered');
  const worst = open.reduce<Alert | undefined>(
    (found, each) => (!found || compareLevels(each.level, found.level) > 0 ? each : found),
    undefined,
  );
  const more = alerts.length > 1 ? ` (and ${alerts.length - 1} more)` : '';
  const [first] = alerts;
  const title = worst ?? first;
  return {
    audience,
    mode,
    level: worst?.level,
    title: `${mode === 'live' ? '' : `[${mode.toUpperCase()}] `}${title?.title ?? ''}${more}`,
    text: alerts.map(({ text }) => text).join('\n\n'),
    alerts,
  };
}

function toAlert({ id, event, level, incident }: Told, { audience, locale }: Wording): Alert {
  const money = incident.amounts.length > 0 ? moneyInWords(incident.amounts, locale) : null;
  const named = { name: incident.rule, kind: incident.kind };
  // Over: the worst that it was.
  const value = event === 'recovered' ? incident.peak : incident.value;
  const finding = { subject: incident.subject, value, more: incident.more };
  const words = safeLine(findingInWords(named, finding));
  const impact = { ...incident, money };
  const business = findingForBusiness(named, finding, impact);
  const text =
    audience === 'business'
      ? forBusiness(event, business, incident, money)
      : forOperators(event, level, words, incident, money);
  return {
    ...{ id, incident: incident.id, event, level, rule: incident.rule },
    subject: incident.subject || null,
    title: audience === 'business' ? BUSINESS_TITLES[event](level) : TITLES[event](level, words),
    text,
    since: incident.openedAt,
    closedAt: incident.closedAt,
    jobs: incident.jobs,
    donors: incident.donors,
    money,
  };
}

const TITLES: Record<AlertEvent, (level: string, words: string) => string> = {
  opened: (level, words) => `${level.toUpperCase()}: ${words}`,
  raised: (level, words) => `now ${level.toUpperCase()}: ${words}`,
  reminder: (level, words) => `still ${level.toUpperCase()}: ${words}`,
  recovered: (_level, words) => `recovered: ${words}`,
};

const BUSINESS_TITLES: Record<AlertEvent, (level: string) => string> = {
  opened: (level) =>
    level === 'critical' ? 'Donors are affected: please read' : 'Donors may be affected soon',
  raised: () => 'It got worse: donors are affected',
  reminder: () => 'Not over yet',
  recovered: () => 'Over: things are in order again',
};

function forOperators(
  event: AlertEvent,
  level: string,
  words: string,
  incident: Incident,
  money: string | null,
): string {
  const affected = affectedInWords(incident, money);
  const commands = [
    ...commandsFor(incident.kind, incident.subject),
    `donations alerts show ${incident.id}`,
  ];
  if (event === 'recovered') {
    return [
      `recovered: ${words} at the worst`,
      `lasted ${formatDuration(incident.lastedMs)}, from ${incident.openedAt.toISOString()} to ${incident.closedAt?.toISOString() ?? 'now'}`,
      ...(affected ? [`affected at one time: ${affected}`] : []),
      `donations alerts show ${incident.id}`,
    ].join('\n');
  }
  return [
    TITLES[event](level, words),
    `since ${incident.openedAt.toISOString()} (${formatDuration(incident.lastedMs)})`,
    ...(incident.cause ? [`cause: ${safeLine(incident.cause)}`] : []),
    ...(affected ? [`affected: ${affected}`] : []),
    ...(incident.closedAt ? [`over since ${incident.closedAt.toISOString()}`] : []),
    ...commands.map((command) => `  ${command}`),
  ].join('\n');
}

function forBusiness(
  event: AlertEvent,
  sentence: string,
  incident: Incident,
  money: string | null,
): string {
  const lasted = formatDuration(incident.lastedMs);
  if (event !== 'recovered') return `${sentence} It began ${lasted} ago; the operators know.`;
  const donors = incident.donors
    ? ` Up to ${plural(incident.donors, 'donor')} were concerned at one time${money ? ` (${money} in gifts)` : ''}.`
    : '';
  return `It is over, after ${lasted}.${donors} At its worst: ${sentence}`;
}

function affectedInWords({ jobs, donors }: Incident, money: string | null): string {
  return [
    ...(jobs ? [plural(jobs, 'job')] : []),
    ...(donors ? [plural(donors, 'donor')] : []),
    ...(money ? [money] : []),
  ].join(', ');
}

const moneyInWords = (amounts: Incident['amounts'], locale: string) =>
  amounts
    .map(({ currency, minor }) => formatMoney({ minor: BigInt(minor), currency }, locale))
    .join(' and ');
