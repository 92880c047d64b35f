import type { Db, Queryable } from '../db/database.ts';
import { readWithin } from '../db/read.ts';
import { UserError } from '../errors.ts';
import { type Affected, findAffected } from '../health/affected.ts';
import { observe } from '../health/observe.ts';
import type { Rule } from '../health/rule-kinds.ts';
import { compareLevels, type Judgement, judgeRules } from '../health/rules.ts';
import { beginJudgement, keepStates, readStates } from '../health/states.ts';
import { newId } from '../ids.ts';
import { type OwedAlert, owedAlerts, type TellableIncident, type ToldAlert } from './owed.ts';
import type { Route } from './route-settings.ts';
import { ACKNOWLEDGED, SILENCED } from './vocabulary.ts';

export interface EvaluateOptions {
  rules: Rule[];
  routes: Route[];
  /** Of the organisation: quiet hours are by its clock. */
  timeZone: string;
  /** Of the embedded database, whose disk is watched. */
  dataDir: string | undefined;
}

interface OpenIncident {
  id: string;
  rule: string;
  subject: string;
  level: 'warning' | 'critical';
}

const LOOKS_MS = 20_000;
const AFFECTED_MS = 2000;

/**
 * Judges by the rules; opens, updates and closes incidents; and writes down which alerts are owed,
 * all in one transaction. A later delivery finds them there: a worker that is killed in between costs
 * time and no alert.
 *
 * @returns undefined when another worker evaluated later facts meanwhile.
 */
export async function evaluate(db: Db, options: EvaluateOptions): Promise<Judgement[] | undefined> {
  const { rules, dataDir } = options;
  const { at, readings, unread } = await observe(db, { rules, withinMs: LOOKS_MS, dataDir });
  const judgeNow = async (tx: Queryable) => {
    const { states } = await readStates(tx);
    return judgeRules({ rules, readings, unread, states, now: at.getTime() });
  };
  // Whose jobs they are takes long to say: asked beforehand, outside the transaction that writes.
  const affected = new Map<string, Affected>();
  const named = new Map(rules.map((rule) => [rule.name, rule]));
  for (const { rule: name, subject, level } of await judgeNow(db)) {
    const rule = named.get(name);
    if (rule && level !== 'ok')
      affected.set(`${name} ${subject}`, await readAffected(db, rule, subject));
  }
  return db.transaction(async (tx) => {
    if (!(await beginJudgement(tx, at))) return undefined;
    const judgements = await judgeNow(tx);
    await keepStates(tx, judgements);
    const closed = await writeIncidents(tx, { at, judgements, rules: named, affected });
    await writeOwed(tx, options, at, closed);
    return judgements;
  });
}

const NOT_KNOWN: Affected = { jobs: null, donors: null, amounts: [], cause: null };

async function readAffected(db: Db, rule: Rule, subject: string): Promise<Affected> {
  try {
    return await readWithin(db, AFFECTED_MS, (tx) => findAffected(tx, rule, subject));
  } catch (error) {
    if (error instanceof UserError && error.code === 'try_again') return NOT_KNOWN;
    throw error;
  }
}

interface Writing {
  at: Date;
  judgements: Judgement[];
  rules: Map<string, Rule>;
  affected: Map<string, Affected>;
}

/** @returns the incidents that were closed. */
async function writeIncidents(tx: Queryable, writing: Writing): Promise<string[]> {
  const { at, judgements, rules } = writing;
  const { rows: open } = await tx.query<OpenIncident>(
    `select id, rule, subject, level from donations.incidents where closed_at is null`,
  );
  const wrong = judgements.filter(({ level }) => level !== 'ok');
  for (const judgement of wrong) {
    const rule = rules.get(judgement.rule);
    const before = open.find(
      (each) => each.rule === judgement.rule && each.subject === judgement.subject,
    );
    if (rule) await writeIncident(tx, rule, judgement, before, writing);
  }
  // Those of rules that are off now, too.
  const over = open.filter(
    ({ rule, subject }) =>
      !wrong.some((judgement) => judgement.rule === rule && judgement.subject === subject),
  );
  for (const { id } of over) {
    await tx.query(
      'update donations.incidents set closed_at = greatest($2, opened_at), updated_at = $2 where id = $1',
      [id, at],
    );
    await addEvent(tx, id, at, 'closed', null);
  }
  return over.map(({ id }) => id);
}

async function writeIncident(
  tx: Queryable,
  rule: Rule,
  { subject, level, value, more }: Judgement,
  before: OpenIncident | undefined,
  { at, affected }: Writing,
): Promise<void> {
  if (level === 'ok') return;
  const { jobs, donors, amounts, cause } = affected.get(`${rule.name} ${subject}`) ?? NOT_KNOWN;
  const id = before?.id ?? newId('incident');
  await tx.query(
    `insert into donations.incidents as i (id, rule, kind, subject, level, worst, value, more, peak,
       cause, jobs, donors, amounts, opened_at, updated_at)
     values ($1, $2, $3, $4, $5, $5, $6, $7, $6, $8, $9, $10, $11, $12, $12)
     on conflict (id) do update set level = excluded.level,
       worst = case when excluded.level = 'critical' then 'critical' else i.worst end,
       value = coalesce(excluded.value, i.value), more = excluded.more,
       peak = greatest(i.peak, excluded.value), cause = coalesce(excluded.cause, i.cause),
       -- Who was affected when most donors were.
       amounts = case when excluded.donors >= coalesce(i.donors, 0) then excluded.amounts else i.amounts end,
       jobs = greatest(i.jobs, excluded.jobs), donors = greatest(i.donors, excluded.donors),
       updated_at = excluded.updated_at`,
    [
      ...[id, rule.name, rule.kind, subject, level, value, more, cause, jobs, donors],
      ...[JSON.stringify(amounts), at],
    ],
  );
  if (!before) await addEvent(tx, id, at, 'opened', level);
  else if (before.level !== level) {
    const isWorse = compareLevels(level, before.level) > 0;
    await addEvent(tx, id, at, isWorse ? 'raised' : 'lowered', level);
  }
}

const addEvent = (
  tx: Queryable,
  incident: string,
  at: Date,
  kind: 'opened' | 'raised' | 'lowered' | 'closed',
  level: string | null,
) =>
  tx.query(
    'insert into donations.incident_events (incident_id, at, kind, level) values ($1, $2, $3, $4)',
    [incident, at, kind, level],
  );

async function writeOwed(
  tx: Queryable,
  { routes, timeZone }: EvaluateOptions,
  at: Date,
  closed: string[],
): Promise<void> {
  const { rows: incidents } = await tx.query<TellableIncident>(
    `select id, rule, subject, level, worst, closed_at is not null as closed,
       ${ACKNOWLEDGED} as acknowledged, ${SILENCED} as silenced
     from donations.incidents i where closed_at is null or id = any ($1)`,
    [closed],
  );
  const { rows: told } = await tx.query<ToldAlert>(
    `select incident_id as incident, route, event, level, nth, created_at as at
     from donations.alert_deliveries where incident_id = any ($1)`,
    [incidents.map(({ id }) => id)],
  );
  const { rows: last } = await tx.query<{ route: string; rule: string; subject: string; at: Date }>(
    `select d.route, i.rule, i.subject, max(d.created_at) as at
     from donations.alert_deliveries d join donations.incidents i on i.id = d.incident_id
     where d.created_at > now() - interval '1 day' group by 1, 2, 3`,
  );
  const lastTold = (route: string, rule: string, subject: string) =>
    last.find((each) => each.route === route && each.rule === rule && each.subject === subject)?.at;
  const owed = owedAlerts({ incidents, routes, told, lastTold, now: at, timeZone });
  await insertAlerts(tx, owed);
}

async function insertAlerts(tx: Queryable, owed: OwedAlert[]): Promise<void> {
  for (const { incident, route, event, level, nth, dueAt } of owed) {
    await tx.query(
      `insert into donations.alert_deliveries (id, incident_id, route, event, level, nth, due_at)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
      [newId('alert'), incident, route, event, level, nth, dueAt],
    );
  }
}
