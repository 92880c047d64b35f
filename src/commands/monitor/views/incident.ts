import type { IncidentStory } from '../../../lib/alerts/incidents.ts';
import { covers, type Silence } from '../../../lib/alerts/silences.ts';
import { statusOf } from '../../../lib/alerts/vocabulary.ts';
import { inWords } from '../../../lib/health/rule-kinds.ts';
import { commandsFor } from '../../../lib/health/words.ts';
import { plural } from '../../../lib/output/text.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import { giftsInWords, incidentInWords } from '../../alerts/shared/columns.ts';
import { silenceInWords } from '../../alerts/shared/silences.ts';
import { alertInWords, eventInWords } from '../../alerts/shared/story-words.ts';
import type { Span, Theme } from '../theme.ts';
import { momentOf, stateSpan } from './cells.ts';
import { fact, heading, stamp } from './details.ts';

/** One incident: what it is, since when, who is affected, who acknowledged it, the commands to run, its history, its alerts. */
export function incidentLines(
  { incident, events, alerts }: IncidentStory,
  silences: Silence[],
  { now: nowMs, theme, width }: { now: number; theme: Theme; width: number },
): Span[][] {
  const now = new Date(nowMs);
  const { kind, closedAt, acknowledged, acknowledgedBy, acknowledgedUntil } = incident;
  const isOver = closedAt !== null;
  const lines = [
    ...fact('what', [{ text: incidentInWords(incident), bold: true }], width),
    ...fact(
      'level',
      [isOver ? { text: incident.level, tone: 'dim' } : stateSpan(incident.level, theme)],
      width,
    ),
    ...fact('status', statusOf(incident), width),
    ...fact('since', stamp(incident.openedAt, now), width),
    ...fact('lasted', formatDuration(incident.lastedMs), width),
    ...(closedAt ? fact('over', stamp(closedAt, now), width) : []),
    ...fact('rule', incident.rule, width),
    ...(incident.subject ? fact('of', incident.subject, width) : []),
    ...(incident.peak === null ? [] : fact('at worst', inWords(kind, incident.peak), width)),
    ...(incident.cause ? fact('cause', incident.cause, width) : []),
    ...fact('concerns', concerned(incident), width),
  ];
  if (acknowledged) {
    const end = acknowledgedUntil
      ? `until ${momentOf(acknowledgedUntil, nowMs)}`
      : 'until it is over';
    lines.push(
      ...fact('acknowledged', [{ text: `by ${acknowledgedBy}, ${end}`, tone: 'accent' }], width),
    );
  } else if (!isOver) {
    lines.push(...fact('acknowledged', [{ text: 'by nobody: c does', tone: 'accent' }], width));
  }
  for (const silence of isOver ? [] : silences.filter((each) => covers(each, incident))) {
    const why = silence.reason ? `: ${silence.reason}` : '';
    lines.push(
      ...fact(
        'silenced',
        `${silenceInWords(silence)}, by ${silence.actor}, until ${momentOf(silence.until, nowMs)}${why}`,
        width,
      ),
    );
  }
  if (!isOver) {
    lines.push(...heading('What shows more and fixes it'));
    for (const command of commandsFor(kind, incident.subject))
      lines.push([{ text: `  ${command}` }]);
  }
  lines.push(...heading('Its course'));
  for (const event of events)
    lines.push([
      { text: `  ${momentOf(event.at, nowMs)}  `, tone: 'dim' },
      { text: eventInWords(event) },
    ]);
  lines.push(...heading(`Alerts (${alerts.length})`));
  if (alerts.length === 0) lines.push([{ text: '  No route was notified.', tone: 'dim' }]);
  for (const alert of alerts)
    lines.push([{ text: `  ${alertInWords(alert, (at) => momentOf(at, nowMs))}` }]);
  return lines;
}

function concerned(incident: IncidentStory['incident']): string {
  const { jobs, donors } = incident;
  if (jobs === null && donors === null) return 'not counted';
  const gifts = giftsInWords(incident);
  const counted = [
    ...(jobs === null ? [] : [plural(jobs, 'job')]),
    ...(donors === null ? [] : [plural(donors, 'donor')]),
  ].join(', ');
  return gifts ? `${counted}, ${gifts} in gifts` : counted;
}
