import type { Db, Queryable } from '../../db/database.ts';
import { readWithin } from '../../db/read.ts';
import { Params } from '../../filter/compile.ts';
import { type Filter, parseFilter } from '../../filter/parse.ts';
import { plural } from '../../output/text.ts';
import { checkTasks } from '../read/check-tasks.ts';
import { findKnownDonations } from '../read/known-donations.ts';
import { type ListedJob, listJobs } from '../read/list.ts';
import { conditionsOf, type JobSource, sourcesOf } from '../read/sources.ts';
import { TASKS, type TaskName } from '../tasks.ts';
import { type Change, UNKNOWN } from './change.ts';

/** What a change would do, before anybody does it. */
export interface Plan {
  eligible: number;
  tasks: { task: string; count: number; donors: number }[];
  /** How many of those eligible may have had their effect already. */
  unknown: number;
  skipped: { reason: string; count: number }[];
  oldest: Date | null;
  newest: Date | null;
  examples: ListedJob[];
  /** What will happen outside, in the words of those whom it happens to. */
  effects: string[];
  /** The moment of the plan: what comes later is not part of it. */
  at: Date;
}

// A plan looks at all there is, once.
const PLAN_TIMEOUT_MS = 60_000;
const EXAMPLES = 3;

/** The filter with the change's own states, where it names none and no jobs. */
export function filterFor(change: Change, filter: Filter): Filter {
  if (filter.terms.some(({ name }) => name === 'state' || name === 'job')) return filter;
  return parseFilter(`${filter.text} state:${change.states.join(',')}`.trim());
}

/** Looks what a change would do to the jobs that a filter lets through. */
export async function planChange(db: Db, change: Change, filter: Filter): Promise<Plan> {
  return readWithin(db, PLAN_TIMEOUT_MS, async (tx) => {
    // Of what has failed there is an index; the planner would rather read a million that are ready.
    await tx.query(`set local enable_seqscan = off; set local work_mem = '64MB'`);
    await checkTasks(tx, filter);
    const params = new Params();
    const known = await findKnownDonations(tx, filter);
    const parts = sourcesOf(filter).map(
      (source) =>
        `(select j.id, ${source.at} as at, j.task_id, ${source.donation} as donation,
            ${change.skip(source, params)} as skip, ${source.judged ? UNKNOWN : 'false'} as unknown
          from ${source.from} where ${conditionsOf(source, filter, known, params)})`,
    );
    if (parts.length === 0) return nothing(tx);
    const { rows } = await tx.query<Omit<Plan, 'effects' | 'examples'> & { examples: string[] }>(
      // Of a boolean the planner expects one half or the other; of a text hardly any that is null.
      `with found as materialized (
         select *, skip is not null as passed from (${parts.join(' union all ')}) jobs
       )
       select now() as at, eligible, unknown, oldest, newest,
         (select coalesce(json_agg(id::text), '[]') from (
            select id from found where not passed order by id limit ${EXAMPLES}) first) as examples,
         (select coalesce(json_agg(json_build_object('reason', skip, 'count', count) order by count desc), '[]')
            from (select skip, count(*) from found where passed group by skip) s) as skipped,
         (select coalesce(json_agg(json_build_object('task', task, 'count', count, 'donors', donors)
              order by count desc), '[]')
            from (select t.identifier as task, sum(jobs)::int as count, count(donor) as donors
                  from (select f.task_id, d.donor_id as donor, count(*) as jobs
                        from found f left join donations.donations d on d.id = f.donation
                        where not f.passed group by f.task_id, d.donor_id) each
                  join graphile_worker._private_tasks t on t.id = each.task_id
                  group by t.identifier) g) as tasks
       from (select count(*)::int as eligible, count(*) filter (where unknown)::int as unknown,
               min(at) as oldest, max(at) as newest from found where not passed) all_of_it`,
      params.values,
    );
    const found = rows[0];
    if (!found) return nothing(tx);
    const { jobs } =
      found.examples.length > 0
        ? await listJobs(tx, parseFilter(`job:${found.examples.join(',')}`), { limit: EXAMPLES })
        : { jobs: [] };
    return { ...found, examples: jobs, effects: effectsOf(found.tasks) };
  });
}

async function nothing(tx: Queryable): Promise<Plan> {
  const { rows } = await tx.query<{ at: Date }>('select now() as at');
  const at = (rows[0] as { at: Date }).at;
  const none = { tasks: [], skipped: [], oldest: null, newest: null, examples: [], effects: [] };
  return { eligible: 0, unknown: 0, at, ...none };
}

/** `412 e-mails to 398 donors`; of charges also that there are none. */
export function effectsOf(tasks: Plan['tasks']): string[] {
  const effects = new Map<string, { count: number; donors: number }>([
    ['charge', { count: 0, donors: 0 }],
  ]);
  for (const { task, count, donors } of tasks) {
    const effect = TASKS[task as TaskName]?.effect;
    if (!effect) continue;
    const sum = effects.get(effect) ?? { count: 0, donors: 0 };
    effects.set(effect, { count: sum.count + count, donors: sum.donors + donors });
  }
  const foreign = tasks.filter(({ task }) => !(task in TASKS));
  return [
    ...[...effects].map(([effect, { count, donors }]) =>
      count === 0 || effect === 'saved card'
        ? plural(count, effect)
        : `${plural(count, effect)} to ${plural(donors, 'donor')}`,
    ),
    ...foreign.map(({ task, count }) => `${plural(count, `run`)} of ${task}, whatever it does`),
  ];
}

/** How many are eligible now, counted no further than one beyond the plan. */
export async function hasOutgrown(
  db: Db,
  change: Change,
  filter: Filter,
  plan: Plan,
): Promise<boolean> {
  return readWithin(db, PLAN_TIMEOUT_MS, async (tx) => {
    const params = new Params();
    const known = await findKnownDonations(tx, filter);
    const parts = sourcesOf(filter).map((source) => candidates(source, 'select 1'));
    if (parts.length === 0) return false;
    const { rows } = await tx.query<{ count: number }>(
      `select count(*)::int from (select 1 from (${parts.join(' union all ')}) found
         limit ${plan.eligible + 1}) bounded`,
      params.values,
    );
    return (rows[0]?.count ?? 0) > plan.eligible;

    function candidates(source: JobSource, select: string): string {
      return `(${select} from ${source.from} where ${conditionsOf(source, filter, known, params)}
        and ${change.skip(source, params)} is null)`;
    }
  });
}
