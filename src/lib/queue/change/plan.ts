import type { Plan } from '../../bulk/change.ts';
import type { Db, Queryable } from '../../db/database.ts';
import { readWithin } from '../../db/read.ts';
import { notFound } from '../../errors.ts';
import { Bindings } from '../../filter/compile.ts';
import { plural } from '../../output/text.ts';
import { checkTasks } from '../read/check-tasks.ts';
import { findKnownDonations } from '../read/known-donations.ts';
import { type ListedJob, listJobs } from '../read/list.ts';
import { conditionsOf, type JobSource, sourcesOf } from '../read/sources.ts';
import { type JobFilter, parseJobFilter } from '../read/vocabulary.ts';
import { TASKS, type TaskName } from '../tasks.ts';
import { type JobChange, UNKNOWN } from './job-change.ts';

/**
 * The plan of a change of jobs. All fields except `eligible` and `skipped` describe only the jobs
 * that will be changed.
 */
export interface JobPlan extends Plan {
  tasks: { task: string; count: number; donors: number }[];
  /** How many may have taken effect already. */
  unknown: number;
  oldest: Date | null;
  newest: Date | null;
}

// Planning reads all matching jobs once.
const PLAN_TIMEOUT_MS = 60_000;
const EXAMPLES = 3;

/** Whether a filter names exactly one job. */
export const namesOneJob = ({ terms }: JobFilter) =>
  terms.length === 1 && terms[0]?.name === 'job' && terms[0].values.length === 1;

/**
 * Plans the change of at most `limit` jobs that a filter selects.
 * @throws UserError `not_found` when the filter names one job and it is not in the queue.
 */
export async function planJobs(
  db: Db,
  change: JobChange,
  filter: JobFilter,
  limit: number,
): Promise<JobPlan> {
  const plan = await readWithin(db, PLAN_TIMEOUT_MS, (tx) => look(tx, change, filter, limit));
  if (plan.eligible + plan.skipped.length === 0 && namesOneJob(filter)) {
    throw notFound(
      `no job ${filter.terms[0]?.values[0]} in the queue`,
      'A job that succeeded leaves the queue. Its donation: donations show <id>',
    );
  }
  return plan;
}

type Row = Omit<JobPlan, 'effects' | 'examples' | 'count'> & { examples: string[] };

async function look(
  tx: Queryable,
  change: JobChange,
  filter: JobFilter,
  limit: number,
): Promise<JobPlan> {
  // There is an index of failed jobs, but the planner prefers to read a million ready ones.
  await tx.query(`set local enable_seqscan = off; set local work_mem = '64MB'`);
  await checkTasks(tx, filter);
  const bindings = new Bindings();
  const known = await findKnownDonations(tx, filter);
  const parts = sourcesOf(filter).map(
    (source, part) =>
      `(select j.id, ${part} as part, ${timeOfWalk(source)} as walk_at, ${source.at} as at, j.task_id,
          ${source.donation} as donation, ${change.skip(source, bindings)} as skip,
          ${source.judged ? UNKNOWN : 'false'} as unknown
        from ${source.from} where ${conditionsOf(source, filter, known, bindings)})`,
  );
  if (parts.length === 0) return nothing(tx);
  const limited = limit < Number.MAX_SAFE_INTEGER;
  // In the order of the change; see `changeJobs`.
  const chosen = limited
    ? `, chosen as materialized (select * from found where not passed
         order by part, walk_at, id limit ${bindings.add(limit)}::bigint)`
    : '';
  const from = limited ? 'chosen' : '(select * from found where not passed)';
  const { rows } = await tx.query<Row>(
    // The planner assumes that half the rows match a boolean, but that hardly any text is null.
    `with found as materialized (
       select *, skip is not null as passed from (${parts.join(' union all ')}) jobs
     )${chosen}
     select now() as at, unknown, oldest, newest,
       ${limited ? '(select count(*)::int from found where not passed)' : 'count'} as eligible,
       (select coalesce(json_agg(id::text), '[]') from (
          select id from ${from} c order by id limit ${EXAMPLES}) first) as examples,
       (select coalesce(json_agg(json_build_object('reason', skip, 'count', count) order by count desc), '[]')
          from (select skip, count(*) from found where passed group by skip) s) as skipped,
       (select coalesce(json_agg(json_build_object('task', task, 'count', count, 'donors', donors)
            order by count desc), '[]')
          from (select t.identifier as task, sum(jobs)::int as count, count(donor) as donors
                from (select f.task_id, d.donor_id as donor, count(*) as jobs
                      from ${from} f left join donations.donations d on d.id = f.donation
                      group by f.task_id, d.donor_id) each
                join graphile_worker._private_tasks t on t.id = each.task_id
                group by t.identifier) g) as tasks
     from (select count(*)::int as count, count(*) filter (where unknown)::int as unknown,
             min(at) as oldest, max(at) as newest from ${from} c) all_of_it`,
    bindings.values,
  );
  const found = rows[0];
  if (!found) return nothing(tx);
  return {
    ...found,
    count: Math.min(found.eligible, limit),
    examples: await describeJobs(tx, found.examples),
    effects: effectsOf(found.tasks),
  };
}

/** The time column of a source's walk order, in which its jobs are changed. */
const timeOfWalk = ({ walk }: JobSource) =>
  walk.find(({ type }) => type === 'timestamptz')?.sql ?? 'null::timestamptz';

async function nothing(tx: Queryable): Promise<JobPlan> {
  const { rows } = await tx.query<{ at: Date }>('select now() as at');
  const at = (rows[0] as { at: Date }).at;
  const none = { tasks: [], skipped: [], oldest: null, newest: null, examples: [], effects: [] };
  return { eligible: 0, count: 0, unknown: 0, at, ...none };
}

async function describeJobs(tx: Queryable, ids: string[]): Promise<JobPlan['examples']> {
  if (ids.length === 0) return [];
  const filter = parseJobFilter(`job:${ids.join(',')}`);
  const { jobs } = await listJobs(tx, filter, { limit: EXAMPLES });
  return jobs.map((job) => ({ id: job.id, text: inOneLine(job) }));
}

const inOneLine = ({ id, task, donation, donorName, error }: ListedJob) =>
  [id, task, donation, donorName, error].filter(Boolean).join('  ');

/** Describes the effects: `412 e-mails to 398 donors`. For charges it includes a count of zero. */
function effectsOf(tasks: JobPlan['tasks']): string[] {
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

/** Whether more jobs are eligible now than when the plan was made. */
export async function hasOutgrown(
  db: Db,
  change: JobChange,
  filter: JobFilter,
  plan: JobPlan,
): Promise<boolean> {
  return readWithin(db, PLAN_TIMEOUT_MS, async (tx) => {
    const bindings = new Bindings();
    const known = await findKnownDonations(tx, filter);
    const parts = sourcesOf(filter).map(
      (source) =>
        `(select 1 from ${source.from} where ${conditionsOf(source, filter, known, bindings)}
          and ${change.skip(source, bindings)} is null)`,
    );
    if (parts.length === 0) return false;
    // The count stops one beyond the plan.
    const { rows } = await tx.query<{ count: number }>(
      `select count(*)::int from (select 1 from (${parts.join(' union all ')}) found
         limit ${plan.eligible + 1}) bounded`,
      bindings.values,
    );
    return (rows[0]?.count ?? 0) > plan.eligible;
  });
}
