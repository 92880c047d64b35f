import {
  type Bindings,
  beginsWith,
  type Conditions,
  compares,
  compileFilter,
  isAged,
  matches,
} from '../filter/compile.ts';
import { type Filter, parseFilter } from '../filter/parse.ts';
import type { Vocabulary } from '../filter/vocabulary.ts';
import { KIND_NAMES } from '../health/rule-kinds.ts';
import { IN_FORCE } from './silences.ts';

/** The status of an incident. */
export const INCIDENT_STATUSES = ['open', 'acknowledged', 'silenced', 'over'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** What a filter of incidents can ask for. */
export const INCIDENT_TERMS = {
  status: {
    kind: 'choice',
    values: INCIDENT_STATUSES,
    about: 'open (nobody has acknowledged it), acknowledged, silenced or over',
    example: 'status:open',
  },
  level: {
    kind: 'choice',
    values: ['warning', 'critical'],
    about: 'warning or critical',
    example: 'level:critical',
  },
  rule: {
    kind: 'word',
    values: KIND_NAMES,
    about: 'the health rule that it comes from',
    example: 'rule:failed',
  },
  task: { kind: 'word', about: 'the task that it is of', example: 'task:send_receipt' },
  by: { kind: 'word', about: 'who has acknowledged it', example: 'by:grace' },
  cause: { kind: 'word', about: 'what it came from', example: 'cause:~timeout' },
  donors: { kind: 'number', about: 'how many donors it concerns', example: 'donors:>10' },
  jobs: { kind: 'number', about: 'how many jobs it concerns', example: 'jobs:>100' },
  age: { kind: 'age', about: 'time since it was opened', example: 'age:>1h' },
  incident: {
    kind: 'id',
    prefix: 'inc_',
    about: 'its id, or the beginning of it',
    example: 'incident:inc_01m3',
  },
} as const satisfies Vocabulary;

export type IncidentTerm = keyof typeof INCIDENT_TERMS;
export type IncidentFilter = Filter<IncidentTerm>;

/** A filter that lets every incident through. */
export const NO_FILTER: IncidentFilter = { terms: [], text: '' };

/**
 * Reads a filter of incidents.
 * @throws UserError `usage`.
 */
export const parseIncidentFilter = (text: string): IncidentFilter =>
  parseFilter<IncidentTerm>(text, INCIDENT_TERMS);

/** SQL: whether a silence in force covers incident `i`. */
export const SILENCED = `exists (select 1 from donations.alert_silences s
  where ${IN_FORCE} and i.closed_at is null
    and (s.rule is null or s.rule = i.rule) and (s.task is null or s.task = i.subject))`;

/** SQL: whether incident `i` is acknowledged, and the acknowledgement has not expired. */
export const ACKNOWLEDGED = `(i.acknowledged_at is not null and i.closed_at is null
  and coalesce(i.acknowledged_until > now(), true))`;

/** The status of an incident. Filters by status use the same words. */
export const statusOf = (incident: {
  closedAt: Date | null;
  silenced: boolean;
  acknowledged: boolean;
}): IncidentStatus =>
  incident.closedAt
    ? 'over'
    : incident.silenced
      ? 'silenced'
      : incident.acknowledged
        ? 'acknowledged'
        : 'open';

/** SQL: the status of incident `i`, as `statusOf` gives it. */
const STATUS = `case when i.closed_at is not null then 'over' when ${SILENCED} then 'silenced'
  when ${ACKNOWLEDGED} then 'acknowledged' else 'open' end`;

const CONDITIONS: Conditions<IncidentTerm> = {
  status: matches(STATUS),
  level: matches('i.level'),
  rule: matches('i.rule'),
  task: matches('i.subject'),
  by: matches('i.acknowledged_by'),
  cause: matches('i.cause'),
  donors: compares('i.donors'),
  jobs: compares('i.jobs'),
  age: isAged('i.opened_at'),
  incident: beginsWith('i.id'),
};

/** SQL: the condition of a filter on incident `i`. */
export const conditionsOn = (filter: IncidentFilter, bindings: Bindings): string =>
  ['true', ...compileFilter(filter, CONDITIONS, bindings)].join(' and ');
