import { listIncidents } from '../alerts/incidents.ts';
import type { Db } from '../db/database.ts';
import { safeLine } from '../text.ts';
import { observe } from './observe.ts';
import { type Rule, roundedValue } from './rule-kinds.ts';
import { compareLevels, type Judgement, judgeRules, type Level, worstLevel } from './rules.ts';
import { readStates } from './states.ts';
import { commandsFor, findingInWords } from './words.ts';

/** Why things are not well. */
export interface HealthReason {
  level: Exclude<Level, 'ok'>;
  rule: string;
  /** The task, or what else is meant; null where there is only one thing. */
  subject: string | null;
  text: string;
  value: number | null;
  since: Date;
  /** Who acknowledged it; null when nobody did, or when the acknowledgement has expired. */
  acknowledgedBy: string | null;
  /** No route gets alerts about it for now. */
  silenced: boolean;
  /** What to run. */
  commands: string[];
}

/** A rule and what it measures now. */
export interface RuleReading {
  rule: Rule;
  /** The worst of what it measures; null when nothing is there to be measured. */
  value: number | null;
  subject: string | null;
  level: Level;
}

export interface Assessment {
  at: Date;
  level: Level;
  /** The worst first. */
  reasons: HealthReason[];
  /** Every rule that is on. */
  rules: RuleReading[];
  /** The rules that could not be read in time. */
  unread: string[];
}

/** More than can be open: each rule has one incident for each task. */
const INCIDENTS_BOUND = 1000;
/** After this time without an evaluation, the `for` of the rules is not measured. */
const UNTIMED_AFTER_MS = 60_000;

/** Whether things are well now, by the rules. It changes nothing, and needs no worker. */
export async function assess(
  db: Db,
  { rules, withinMs, dataDir }: { rules: Rule[]; withinMs: number; dataDir: string | undefined },
): Promise<Assessment> {
  const { states, judgedAt } = await readStates(db);
  const { at, readings, unread } = await observe(db, { rules, withinMs, dataDir });
  const open = await listIncidents(db, { limit: INCIDENTS_BOUND });
  const immediate = !judgedAt || at.getTime() - judgedAt.getTime() > UNTIMED_AFTER_MS;
  const judged = judgeRules({ rules, readings, unread, states, now: at.getTime(), immediate });
  const named = new Map(rules.map((rule) => [rule.name, rule]));
  const reasons = judged.flatMap((judgement): HealthReason[] => {
    const rule = named.get(judgement.rule);
    if (!rule || judgement.level === 'ok') return [];
    const incident = open.find(
      (each) => each.rule === rule.name && each.subject === judgement.subject,
    );
    const acknowledgedBy = incident?.acknowledged ? incident.acknowledgedBy : null;
    const silenced = incident?.silenced ?? false;
    const handled = [
      ...(acknowledgedBy === null ? [] : [`acknowledged by ${safeLine(acknowledgedBy)}`]),
      ...(silenced ? ['silenced'] : []),
    ].join(', ');
    return [
      {
        level: judgement.level,
        rule: rule.name,
        subject: judgement.subject || null,
        text: `${findingInWords(rule, judgement)}${handled && ` (${handled})`}`,
        value: roundedValue(rule.kind, judgement.value),
        since: new Date(judgement.since),
        ...{ acknowledgedBy, silenced },
        commands: commandsFor(rule.kind, judgement.subject),
      },
    ];
  });
  reasons.sort((a, b) => compareLevels(b.level, a.level));
  return {
    at,
    level: worstLevel(reasons.map(({ level }) => level)),
    reasons,
    rules: rules.filter(({ enabled }) => enabled).map((rule) => worstOf(rule, judged)),
    unread: [...unread],
  };
}

function worstOf(rule: Rule, judged: Judgement[]): RuleReading {
  const [worst] = judged
    .filter((judgement) => judgement.rule === rule.name)
    .sort((a, b) => compareLevels(b.level, a.level) || (b.value ?? 0) - (a.value ?? 0));
  return {
    rule,
    value: worst?.value ?? null,
    subject: worst?.subject || null,
    level: worst?.level ?? 'ok',
  };
}
