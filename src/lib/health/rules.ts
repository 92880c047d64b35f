import type { Rule, RuleKind } from './rule-kinds.ts';

export type Level = 'ok' | 'warning' | 'critical';

/** What was measured for one rule. */
export interface Reading {
  rule: string;
  /** The task, or what else was measured; empty where there is only one thing. */
  subject: string;
  /** Null when it is unknown; then the verdict does not change. */
  value: number | null;
  /** Counting stopped at the value: there are at least so many. */
  more?: boolean;
}

/** One threshold's memory. Times in milliseconds since 1970, by the database's clock. */
export interface Latch {
  on: boolean;
  /** When it turned last. */
  since: number;
  /** Since when the value has asked for it to turn; null while it does not. */
  turning: number | null;
}

/** What is kept of a rule and a subject from one evaluation to the next. */
export interface RuleState {
  rule: string;
  subject: string;
  warning: Latch | null;
  critical: Latch | null;
}

/** What a rule says of its subject now. */
export interface Judgement extends RuleState {
  level: Level;
  /** Since when the level has been what it is. */
  since: number;
  value: number | null;
  more: boolean;
}

export interface Judging {
  rules: Rule[];
  readings: Reading[];
  /** The rules that could not be read now. */
  unread?: ReadonlySet<string>;
  states: RuleState[];
  now: number;
  /** The `for` of the rules was not measured lately, so a present breach counts as lasting. */
  immediate?: boolean;
}

/**
 * Judges readings by the rules. A threshold turns on when the value has been at or above it for the
 * rule's `for`, and off when it has been below the threshold's clearing share for as long: between
 * the two nothing changes. What was judged before and is not measured any more counts as 0.
 */
export function judgeRules({
  rules,
  readings,
  unread,
  states,
  now,
  immediate,
}: Judging): Judgement[] {
  return rules
    .filter(({ enabled }) => enabled)
    .flatMap((rule) => {
      const before = states.filter(({ rule: name }) => name === rule.name);
      const read = readings.filter(({ rule: name }) => name === rule.name);
      const gone = before
        .filter(({ subject }) => !read.some((reading) => reading.subject === subject))
        .map(({ subject }) => ({
          rule: rule.name,
          subject,
          value: unread?.has(rule.name) ? null : 0,
        }));
      return [...read, ...gone].map((reading) =>
        judgeOne(
          rule,
          reading,
          before.find(({ subject }) => subject === reading.subject),
          now,
          immediate ? 0 : rule.forMs,
        ),
      );
    });
}

function judgeOne(
  rule: Rule,
  { subject, value, more = false }: Reading,
  before: RuleState | undefined,
  now: number,
  forMs: number,
): Judgement {
  const step = (threshold: number | null, latch: Latch | null | undefined) =>
    threshold === null
      ? null
      : stepLatch(latch ?? { on: false, since: now, turning: null }, {
          value,
          threshold,
          clear: threshold * rule.clear,
          now,
          forMs,
        });
  const warning = step(rule.warning, before?.warning);
  const critical = step(rule.critical, before?.critical);
  const level = critical?.on ? 'critical' : warning?.on ? 'warning' : 'ok';
  const since = Math.max(
    ...[critical, ...(critical?.on ? [] : [warning])].map((latch) => latch?.since ?? 0),
  );
  return { rule: rule.name, subject, warning, critical, level, since, value, more };
}

/**
 * One threshold and one value.
 * @internal Exported for its tests.
 */
export function stepLatch(
  latch: Latch,
  {
    value,
    threshold,
    clear,
    now,
    forMs,
  }: { value: number | null; threshold: number; clear: number; now: number; forMs: number },
): Latch {
  if (value === null) return latch;
  const turns = latch.on ? value < clear : value >= threshold;
  if (!turns) return { ...latch, turning: null };
  const turning = latch.turning ?? now;
  return now - turning >= forMs
    ? { on: !latch.on, since: now, turning: null }
    : { ...latch, turning };
}

const ORDER: Record<Level, number> = { ok: 0, warning: 1, critical: 2 };

/** Negative when the first is less bad. */
export const compareLevels = (a: Level, b: Level): number => ORDER[a] - ORDER[b];

/** The worst of them. */
export const worstLevel = (levels: Level[]): Level =>
  levels.reduce<Level>((worst, level) => (compareLevels(level, worst) > 0 ? level : worst), 'ok');

/** The rules in force of a kind that apply to a task; to all tasks without one. */
const applying = (rules: Rule[], kind: RuleKind, task: string | undefined): Rule[] =>
  rules.filter(
    (rule) =>
      rule.enabled &&
      rule.kind === kind &&
      !rule.filter &&
      !rule.together &&
      (rule.task === undefined || rule.task === task),
  );

/**
 * The level of one value of this moment. Unlike `judgeRules`, it does not wait for the rule's `for`.
 *
 * @param of the task, and for shares how many attempts they are of.
 */
export function levelNow(
  rules: Rule[],
  kind: RuleKind,
  value: number,
  { task, attempts = Number.POSITIVE_INFINITY }: { task?: string; attempts?: number } = {},
): Level {
  const reaches = (threshold: number | null) => threshold !== null && value >= threshold;
  return worstLevel(
    applying(rules, kind, task)
      .filter(({ minimum }) => attempts >= minimum)
      .map(({ warning, critical }) =>
        reaches(critical) ? 'critical' : reaches(warning) ? 'warning' : 'ok',
      ),
  );
}

/** The lowest threshold of a kind for all tasks; undefined when no rule has one. */
export function lowestThreshold(rules: Rule[], kind: RuleKind): number | undefined {
  const thresholds = applying(rules, kind, undefined).flatMap(
    ({ warning, critical }) => warning ?? critical ?? [],
  );
  return thresholds.length > 0 ? Math.min(...thresholds) : undefined;
}
