import { type Io, paint, plain, say } from '../../lib/output/io.ts';
import { formatRelative } from '../../lib/output/time.ts';
import type { Pause, PauseCause } from '../../lib/queue/run/pauses.ts';

const BY: Record<PauseCause, string> = {
  operator: 'by an operator',
  circuit: 'by the circuit breaker',
  misconfigured: 'because its provider refuses our key',
  rate_limited: 'because its provider asked for fewer requests',
};

/** Writes a line for each paused task, wherever the queue is shown: cause, reason and end. */
export function sayPauses(io: Io, pauses: Pause[], now: Date): void {
  for (const pause of pauses) {
    const end = endOfPause(pause, now);
    const text = `‖ ${pause.task} is paused ${describePause(pause, now)}${end ? ` (${end})` : ''}`;
    say(io, `${paint(io, 'warn', text)} — donations jobs resume ${pause.task}`);
  }
}

/** Since when, the cause and the reason: `since 3m ago by an operator: grace: wrong logo`. */
export const describePause = ({ cause, reason, since }: Pause, now: Date) =>
  `since ${formatRelative(since, now)} ${BY[cause]}: ${plain(reason)}`;

/**
 * When a pause ends by itself: `until 2026-11-23T14:05:00.000Z, in 30m`; undefined when it does
 * not.
 */
export function endOfPause({ until, nextProbeAt }: Pause, now: Date): string | undefined {
  if (until) return `until ${until.toISOString()}, ${formatRelative(until, now)}`;
  if (!nextProbeAt) return undefined;
  return `until its provider recovers; next probe ${nextProbeAt > now ? formatRelative(nextProbeAt, now) : 'now'}`;
}
