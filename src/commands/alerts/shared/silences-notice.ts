import type { Silence } from '../../../lib/alerts/incidents.ts';
import { type Io, plain, say } from '../../../lib/output/io.ts';
import { formatRelative } from '../../../lib/output/time.ts';

/** What a silence covers, in words. */
export function silenceInWords({ rule, task }: Pick<Silence, 'rule' | 'task'>): string {
  const what = [...(rule ? [`rule ${rule}`] : []), ...(task ? [`task ${task}`] : [])];
  return what.join(' of ') || 'everything';
}

/** Says which alerts are silenced now. */
export function saySilences(io: Io, silences: Silence[], now: Date): void {
  for (const silence of silences) {
    const why = silence.reason ? `: ${silence.reason}` : '';
    say(
      io,
      plain(
        `Silenced by ${silence.actor}: ${silenceInWords(silence)}, ends ${formatRelative(silence.until, now)}${why}`,
      ),
    );
  }
}
