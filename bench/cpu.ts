import { readFileSync } from 'node:fs';

// Linux counts in hundredths of a second (`getconf CLK_TCK`).
const TICK_MS = 10;

/** The processor time of a process so far, in milliseconds. */
export function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
}
