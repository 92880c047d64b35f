import { type Io, say } from '../lib/output/io.ts';
import type { Pause } from '../lib/queue/pauses.ts';

export function sayPauses(io: Io, pauses: Pause[], _now: Date): void {
  for (const pause of pauses) say(io, `‖ ${pause.task} is paused: ${pause.reason}`);
}
