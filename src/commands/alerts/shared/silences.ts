import type { Silence } from '../../../lib/alerts/silences.ts';
import { type Io, plain, say } from '../../../lib/output/io.ts';
import type { Column } from '../../../lib/output/render.ts';
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

export const SILENCE_COLUMNS: Column<Silence>[] = [
  { name: 'silence', header: 'ID', value: (row) => row.id, isId: true },
  { name: 'rule', header: 'RULE', value: (row) => row.rule },
  { name: 'task', header: 'TASK', value: (row) => row.task, whole: true },
  { name: 'until', header: 'UNTIL', value: (row) => row.until },
  { name: 'actor', header: 'BY', value: (row) => row.actor },
  { name: 'reason', header: 'WHY', value: (row) => row.reason },
];
