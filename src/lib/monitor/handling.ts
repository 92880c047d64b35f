import { covers } from '../alerts/silences.ts';
import type { Alerts, Reason } from './snapshot.ts';

/** Who acknowledged a reason, and whether its alerts are sent. */
export type Handling = Pick<
  Reason,
  'incident' | 'acknowledgedBy' | 'acknowledgedUntil' | 'silenced' | 'silencedUntil'
>;

export const NOT_HANDLED: Handling = {
  incident: null,
  acknowledgedBy: null,
  acknowledgedUntil: null,
  silenced: false,
  silencedUntil: null,
};

/**
 * How the incidents of one reason are handled, the worst first. It counts only when each of them is
 * acknowledged or silenced: a reason of which a part is open still waits for a person.
 */
export function handlingOf(incidents: Alerts['open'], { silences }: Alerts): Handling {
  const [worst] = incidents;
  if (!worst) return NOT_HANDLED;
  const isHandled = incidents.every((each) => each.acknowledged || each.silenced);
  const acknowledged = isHandled ? incidents.filter((each) => each.acknowledged) : [];
  const silenced = isHandled ? incidents.filter((each) => each.silenced) : [];
  const people = [...new Set(acknowledged.flatMap(({ acknowledgedBy }) => acknowledgedBy ?? []))];
  const ends = silenced.map((incident) =>
    latest(silences.filter((each) => covers(each, incident)).map(({ until }) => until)),
  );
  return {
    incident: worst.id,
    acknowledgedBy: people.length > 0 ? people.join(', ') : null,
    acknowledgedUntil: earliest(acknowledged.map((each) => each.acknowledgedUntil)),
    silenced: silenced.length > 0,
    silencedUntil: earliest(ends),
  };
}

const earliest = (times: (string | null)[]): string | null =>
  times.flatMap((time) => time ?? []).sort()[0] ?? null;
const latest = (times: string[]): string | null => [...times].sort().at(-1) ?? null;
