import type { Incident } from '../../../lib/alerts/incidents.ts';
import { statusOf } from '../../../lib/alerts/vocabulary.ts';
import { inWords, roundedValue } from '../../../lib/health/rule-kinds.ts';
import { findingInWords } from '../../../lib/health/words.ts';
import { formatMoney } from '../../../lib/money.ts';
import type { Column } from '../../../lib/output/render.ts';
import { GLYPHS, lookOf } from '../../../lib/output/status.ts';
import { formatDuration } from '../../../lib/output/time.ts';

/** What is wrong in a few words. For a closed incident: what it was at its worst. */
export const incidentInWords = (incident: Incident): string =>
  findingInWords(
    { name: incident.rule, kind: incident.kind },
    { ...incident, value: incident.closedAt ? incident.peak : incident.value },
  );

const sums = ({ amounts }: Incident) =>
  amounts.map(({ currency, minor }) => ({ currency, amount_minor: BigInt(minor) }));

/** The sums of the affected gifts, in words. */
export const giftsInWords = ({ amounts }: Incident): string =>
  amounts.map(({ currency, minor }) => formatMoney({ minor: BigInt(minor), currency })).join(', ');

export const INCIDENT_COLUMNS: Column<Incident>[] = [
  {
    name: 'level',
    header: 'LEVEL',
    value: (row) => row.level,
    text: (row) => `${row.closedAt ? GLYPHS.good : lookOf(row.level).glyph} ${row.level}`,
    tone: (row) => (row.closedAt ? 'dim' : lookOf(row.level).tone),
  },
  { name: 'status', header: 'STATUS', value: statusOf },
  // The task, and at least the beginning of what is wrong with it.
  { name: 'what', header: 'WHAT', value: incidentInWords, readable: 34 },
  { name: 'opened_at', header: 'SINCE', value: (row) => row.openedAt },
  {
    name: 'lasted_ms',
    header: 'LASTED',
    value: (row) => Math.round(row.lastedMs),
    text: (row) => formatDuration(row.lastedMs),
    align: 'right',
    minor: true,
  },
  {
    name: 'donor_count',
    header: 'DONORS',
    value: (row) => row.donors,
    align: 'right',
    minor: true,
  },
  { name: 'job_count', header: 'JOBS', value: (row) => row.jobs, align: 'right', minor: true },
  { name: 'incident', header: 'ID', value: (row) => row.id, isId: true },
  { name: 'rule', header: 'RULE', value: (row) => row.rule, wide: true },
  { name: 'subject', header: 'OF', value: (row) => row.subject || null, wide: true },
  { name: 'value', header: 'VALUE', value: (row) => roundedValue(row.kind, row.value), wide: true },
  {
    name: 'peak',
    header: 'PEAK',
    value: (row) => roundedValue(row.kind, row.peak),
    text: (row) => (row.peak === null ? '' : inWords(row.kind, row.peak)),
    wide: true,
  },
  { name: 'cause', header: 'CAUSE', value: (row) => row.cause, wide: true },
  { name: 'amounts', header: 'GIFTS', value: sums, text: giftsInWords, wide: true },
  { name: 'closed_at', header: 'OVER', value: (row) => row.closedAt, wide: true },
  { name: 'acknowledged_by', header: 'BY', value: (row) => row.acknowledgedBy, wide: true },
  {
    name: 'acknowledged_until',
    header: 'UNTIL',
    value: (row) => row.acknowledgedUntil,
    wide: true,
  },
  { name: 'last_alert_at', header: 'LAST ALERT', value: (row) => row.alertedAt, wide: true },
];
