import { round } from '../output/number.ts';
import { grouped } from '../output/text.ts';
import { formatDuration } from '../output/time.ts';

export type Unit = 'count' | 'time' | 'share';

export interface KindFacts {
  unit: Unit;
  /** What is measured, for `donations alerts rules`. */
  measures: string;
  /** Measured for each task by itself. */
  byTask: boolean;
  /** Can be limited by a filter of jobs. */
  filtered?: true;
  /** Looks at a window of the past. */
  windowed?: true;
}

/** What a rule can watch. */
const RULE_KINDS = {
  backlog: { unit: 'count', measures: 'jobs that are ready', byTask: true, filtered: true },
  wait: { unit: 'time', measures: 'wait of the oldest ready job', byTask: true },
  errors: {
    unit: 'share',
    measures: 'share of attempts that go wrong',
    byTask: true,
    windowed: true,
  },
  failed: { unit: 'count', measures: 'failed jobs', byTask: true, filtered: true },
  held: { unit: 'count', measures: 'held jobs', byTask: true, filtered: true },
  stuck: { unit: 'time', measures: 'how long a job has been running', byTask: true },
  workers: { unit: 'time', measures: 'how long no worker has been heard', byTask: false },
  circuit: { unit: 'time', measures: 'how long a provider has been down', byTask: true },
  refused: { unit: 'time', measures: 'how long a provider has refused our key', byTask: true },
  paused: { unit: 'time', measures: 'how long a person’s pause has lasted', byTask: true },
  late: { unit: 'time', measures: 'time since a recurring task succeeded', byTask: true },
  receipts_held: {
    unit: 'count',
    measures: 'receipts for which it is unknown whether they were sent',
    byTask: false,
  },
  bounced: { unit: 'count', measures: 'mails that bounced', byTask: false, windowed: true },
  contradictions: {
    unit: 'count',
    measures: 'gifts that failed here and were charged at Stripe',
    byTask: false,
  },
  ledger: { unit: 'count', measures: 'attempts in no daily partition', byTask: false },
  disk: { unit: 'share', measures: 'use of the embedded database’s disk', byTask: false },
} as const satisfies Record<string, KindFacts>;

export type RuleKind = keyof typeof RULE_KINDS;
export const KIND_NAMES = Object.keys(RULE_KINDS) as RuleKind[];

/** The facts of a kind, with those that most kinds lack. */
export const kindFacts = (kind: RuleKind): KindFacts => RULE_KINDS[kind];

/** A rule in force. Times in milliseconds. */
export interface Rule {
  name: string;
  kind: RuleKind;
  enabled: boolean;
  /** Of this task alone. */
  task?: string | undefined;
  /** Of the jobs that this filter lets through, in one number. */
  filter?: string | undefined;
  /** Of all tasks in one number. */
  together: boolean;
  /** The value from which on it is so; null for never. */
  warning: number | null;
  critical: number | null;
  /** How long the value must be so before the verdict changes, either way. */
  forMs: number;
  /** Hysteresis: it is over when the value is below this share of the threshold. */
  clear: number;
  /** The stretch of the past that is looked at. */
  windowMs: number;
  /** A share of fewer than this says nothing. */
  minimum: number;
}

/** A value of a kind for scripts: milliseconds and counts are whole, a share has four decimals. */
export const roundedValue = (kind: RuleKind, value: number | null): number | null =>
  value === null ? null : round(value, kindFacts(kind).unit === 'share' ? 4 : 0);

/** A value or a threshold of a kind as people read it. */
export function inWords(kind: RuleKind, value: number): string {
  switch (kindFacts(kind).unit) {
    case 'time':
      return formatDuration(value);
    case 'share':
      return `${(value * 100).toFixed(value < 0.1 ? 1 : 0).replace(/\.0$/, '')}%`;
    case 'count':
      return grouped(value);
  }
}
