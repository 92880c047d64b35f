import { z } from 'zod';
import { UserError } from '../errors.ts';
import { parseDuration, parseShare } from '../parse.ts';
import { parseJobFilter } from '../queue/read/vocabulary.ts';
import {
  KIND_NAMES,
  type KindFacts,
  kindFacts,
  type Rule,
  type RuleKind,
  type Unit,
} from './rule-kinds.ts';

const MINUTE = 60_000;
const SHARED = { enabled: true, together: false, forMs: 0, clear: 0.8, windowMs: 0, minimum: 0 };

/** What is watched without any settings. A rule of the settings replaces the one of its name. */
const DEFAULT_RULES: Rule[] = (
  [
    { kind: 'backlog', warning: 10_000, critical: 100_000, forMs: 2 * MINUTE },
    { kind: 'wait', warning: MINUTE, critical: 5 * MINUTE, forMs: 30_000 },
    { kind: 'errors', warning: 0.05, critical: 0.25, windowMs: 5 * MINUTE, minimum: 20 },
    { kind: 'failed', warning: 1, critical: 100 },
    { kind: 'held', warning: 1, critical: 50 },
    { kind: 'stuck', warning: 10 * MINUTE, critical: 30 * MINUTE },
    { kind: 'workers', warning: 30_000, critical: 2 * MINUTE },
    { kind: 'circuit', warning: 1000, critical: 2 * MINUTE },
    { kind: 'refused', warning: null, critical: 1000 },
    { kind: 'paused', warning: 60 * MINUTE, critical: 24 * 60 * MINUTE },
    { kind: 'late', warning: 30 * MINUTE, critical: 120 * MINUTE },
    { kind: 'receipts_held', warning: 10, critical: 200 },
    { kind: 'bounced', warning: 20, critical: 200, windowMs: 24 * 60 * MINUTE },
    { kind: 'contradictions', warning: null, critical: 1 },
    { kind: 'ledger', warning: 1000, critical: 50_000 },
    { kind: 'disk', warning: 0.85, critical: 0.95, clear: 0.97 },
  ] satisfies (Partial<Rule> & Pick<Rule, 'kind' | 'warning' | 'critical'>)[]
).map((rule) => ({ ...SHARED, name: rule.kind, ...rule }));

const name = z
  .string('is not a name')
  .regex(/^[a-z][a-z0-9_-]{0,39}$/, 'is not a name of up to 40 small letters, digits, - or _');
const threshold = z.union(
  [z.number(), z.string().max(40), z.literal(false)],
  'is not a number, a time such as 5m, a share such as 20%, or false',
);
const time = z.string('is not a time such as 5m').max(40, 'is not a time such as 5m');

const ruleSettings = z.strictObject({
  name: name.optional(),
  /** What is watched; a rule that replaces a default one need not say. */
  kind: z
    .enum(KIND_NAMES as [RuleKind, ...RuleKind[]], `is not one of ${KIND_NAMES.join(', ')}`)
    .optional(),
  enabled: z.boolean('is neither true nor false').optional(),
  task: z.string().min(1).max(100).optional(),
  filter: z.string().min(1).max(1000).optional(),
  /** All tasks in one number, rather than each by itself. */
  together: z.boolean('is neither true nor false').optional(),
  warning: threshold.optional(),
  critical: threshold.optional(),
  for: time.optional(),
  /** It is over when the value is below this share of the threshold. */
  clear: z.number('is not a number').gt(0, 'is not above 0').max(1, 'is above 1').optional(),
  window: time.optional(),
  minimum: z
    .number('is not a number')
    .int('is not a whole number')
    .min(0)
    .max(1_000_000)
    .optional(),
});

type RuleSettings = z.output<typeof ruleSettings>;

/** `[[health.rules]]` in the settings; in the environment a JSON list. */
export const rulesSchema = z
  .preprocess(
    fromJson,
    z.array(ruleSettings, 'is not a list of rules').max(100, 'are more than 100'),
  )
  .superRefine((rules, context) => {
    try {
      resolveRules(rules);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });

/** A list in the environment is written as JSON. */
export function fromJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/**
 * The rules in force: the default ones, changed and added to by the settings.
 * @throws UserError that names the rule and what is wrong with it.
 */
export function resolveRules(settings: RuleSettings[]): Rule[] {
  const rules = new Map(DEFAULT_RULES.map((rule) => [rule.name, rule]));
  const seen = new Set<string>();
  for (const given of settings) {
    const called = given.name ?? given.kind;
    if (called === undefined) throw problem('a rule', 'has neither a name nor a kind');
    if (seen.has(called)) throw problem(`rule ${called}`, 'is there twice');
    seen.add(called);
    rules.set(called, resolve(called, given, rules.get(called)));
  }
  return [...rules.values()];
}

const problem = (what: string, why: string) => new UserError('configuration', `${what} ${why}`);

function resolve(called: string, given: RuleSettings, before: Rule | undefined): Rule {
  const what = `rule ${called}`;
  const kind = given.kind ?? before?.kind;
  if (kind === undefined)
    throw problem(what, `is no default rule, so it needs a kind: ${KIND_NAMES.join(', ')}`);
  if (before && before.kind !== kind) throw problem(what, `is of the kind ${before.kind}`);
  const facts = kindFacts(kind);
  const read = <T>(field: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof UserError) throw problem(what, `has a wrong ${field}: ${error.message}`);
      throw error;
    }
  };
  const limit = (field: 'warning' | 'critical') => {
    const value = given[field];
    if (value === undefined) return before?.[field] ?? null;
    return value === false ? null : read(field, () => parseThreshold(value, facts.unit));
  };
  const template = before ?? DEFAULT_RULES.find((rule) => rule.kind === kind) ?? SHARED;
  const rule: Rule = {
    ...SHARED,
    ...template,
    name: called,
    kind,
    task: given.task ?? before?.task,
    filter: given.filter ?? before?.filter,
    enabled: given.enabled ?? true,
    together: given.together ?? before?.together ?? false,
    warning: limit('warning'),
    critical: limit('critical'),
    clear: given.clear ?? template.clear,
    minimum: given.minimum ?? template.minimum,
    forMs: timeOf(given.for, template.forMs, (text) => read('for', () => text())),
    windowMs: timeOf(given.window, template.windowMs, (text) => read('window', () => text())),
  };
  check(rule, facts, what, (filter) => read('filter', () => parseJobFilter(filter)));
  return rule;
}

/** `0s` is no time at all, which `parseDuration` refuses. */
function timeOf(
  text: string | undefined,
  before: number,
  read: (work: () => number) => number,
): number {
  if (text === undefined) return before;
  return /^0(ms|s|m|h)?$/.test(text) ? 0 : read(() => parseDuration(text));
}

function check(rule: Rule, facts: KindFacts, what: string, parse: (filter: string) => unknown) {
  const { kind, warning, critical } = rule;
  if (rule.task && !facts.byTask) throw problem(what, `has a task, but ${kind} is not of one task`);
  if (rule.together && !facts.byTask)
    throw problem(what, `says together, but ${kind} is not of tasks`);
  if (rule.together && rule.task) throw problem(what, 'is of one task and of all of them');
  if (rule.filter) {
    if (!facts.filtered)
      throw problem(what, `has a filter, but rules of the kind ${kind} take none`);
    if (rule.task || rule.together)
      throw problem(what, 'has a filter and a task: write task:… in the filter');
    parse(rule.filter);
  }
  if (warning === null && critical === null)
    throw problem(what, 'has neither a warning nor a critical threshold');
  if (warning !== null && critical !== null && warning > critical)
    throw problem(what, 'warns above its critical threshold');
  if (facts.windowed && rule.windowMs < 1000) throw problem(what, 'has a window below 1s');
}

function parseThreshold(value: number | string, unit: Unit): number {
  switch (unit) {
    case 'time':
      return parseDuration(String(value));
    case 'share': {
      if (typeof value === 'string') return positive(parseShare(value));
      if (value > 1) throw new UserError('configuration', `${value} is above 1: write 20% or 0.2`);
      return positive(value);
    }
    case 'count': {
      const count = Number(value);
      if (!Number.isSafeInteger(count))
        throw new UserError('configuration', 'it is not a whole number');
      return positive(count);
    }
  }
}

function positive(value: number): number {
  if (value > 0) return value;
  throw new UserError('configuration', 'it is not above 0');
}
