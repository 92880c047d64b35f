import type { IncidentStory } from '../../../lib/alerts/incidents.ts';

/** What became of an incident, in words: `acknowledged by grace: asked SendGrid`. */
export const eventInWords = ({
  kind,
  level,
  actor,
  note,
}: Omit<IncidentStory['events'][number], 'at'>): string =>
  [[kind, level, actor && `by ${actor}`].filter(Boolean).join(' '), note]
    .filter(Boolean)
    .join(': ');

/** An alert of an incident, in words. The time stays as it is given. */
export function alertInWords(
  { route, event, status, attempts, error, sentAt, dueAt }: IncidentStory['alerts'][number],
  timeOf: (at: Date) => string,
): string {
  const when = sentAt ? `at ${timeOf(sentAt)}` : `due at ${timeOf(dueAt)}`;
  const tried = attempts > 1 ? `, ${attempts} attempts` : '';
  const why = error ? `: ${error}` : '';
  return `alert to ${route}: ${event}, ${status.replace('_', ' ')} ${when}${tried}${why}`;
}
