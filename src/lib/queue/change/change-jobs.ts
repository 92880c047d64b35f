import type { BulkChange, Chosen, Walk } from '../../bulk/change.ts';
import type { Queryable } from '../../db/database.ts';
import { NO_JIT } from '../../db/read.ts';
import { Bindings } from '../../filter/compile.ts';
import { grouped } from '../../output/text.ts';
import { formatRelative } from '../../output/time.ts';
import { findKnownDonations } from '../read/known-donations.ts';
import { conditionsOf, type JobSource, sourcesOf } from '../read/sources.ts';
import { type JobFilter, parseJobFilter } from '../read/vocabulary.ts';
import type { JobChange, JobChunk } from './job-change.ts';
import { hasOutgrown, type JobPlan, namesOneJob, planJobs } from './plan.ts';

/** The bulk change of the jobs that a filter selects. */
export function changeJobs(change: JobChange, asked: JobFilter): BulkChange<JobPlan> {
  const filter = withStates(change, asked);
  return {
    words: {
      verb: change.verb,
      past: change.past,
      one: 'job',
      many: 'jobs',
      effects: change.effects,
      next: change.next,
    },
    action: change.action,
    scope: filter.text,
    question: namesOneJob(filter) ? (change.asksForOne ? 'yes' : 'nothing') : 'count',
    plan: (db, limit) => planJobs(db, change, filter, limit),
    hasOutgrown: (db, plan) => hasOutgrown(db, change, filter, plan),
    describe({ tasks, oldest, newest, at }) {
      const facts: [string, string][] = [
        ['tasks', tasks.map(({ task, count }) => `${grouped(count)} ${task}`).join(', ')],
      ];
      if (oldest && newest)
        facts.push(['since', `${formatRelative(oldest, at)} to ${formatRelative(newest, at)}`]);
      return facts;
    },
    warnings: ({ unknown }) =>
      unknown > 0
        ? [`${grouped(unknown)} may have taken effect already, and would take effect twice`]
        : [],
    toRecord: ({ examples, tasks, oldest, newest, ...plan }) => ({
      ...plan,
      by_task: tasks.map(({ donors, ...each }) => ({ ...each, donor_count: donors })),
      oldest_at: oldest,
      newest_at: newest,
      examples: examples.map(({ id }) => id),
    }),
    async walks(db, plan) {
      const known = await findKnownDonations(db, filter);
      return sourcesOf(filter).map((source) =>
        walkOver(source, change, (bindings) => [
          conditionsOf(source, filter, known, bindings),
          `${change.skip(source, bindings)} is null`,
          `${source.at} <= ${bindings.add(plan.at)}::timestamptz + interval '1 millisecond'`,
        ]),
      );
    },
  };
}

/** The filter, with the change's default states if it names neither states nor jobs. */
function withStates({ states }: JobChange, filter: JobFilter): JobFilter {
  if (filter.terms.some(({ name }) => name === 'state' || name === 'job')) return filter;
  return parseJobFilter(`${filter.text} state:${states.join(',')}`.trim());
}

// Forces plans that walk along an index and stop, and look up other tables by key. A chunk must not
// join whole tables, even when the statistics are from before the outage.
const PLANS = ['hashjoin', 'mergejoin', 'sort', 'seqscan', 'material'];
const WALK = PLANS.map((plan) => `set local enable_${plan} = off`).join(';');

function walkOver(
  source: JobSource,
  change: JobChange,
  conditions: (bindings: Bindings) => string[],
): Walk {
  return {
    async choose(tx, { size, after }) {
      const bindings = new Bindings();
      const where = conditions(bindings);
      if (after) where.push(isBeyond(source, after, bindings));
      const text = selectChunk(source, size, bindings, where);
      await tx.query(`${NO_JIT}; ${WALK}`);
      const { rows } = await tx.query<ChosenRow>(text, bindings.values);
      const [chosen] = rows;
      return chosen && chosen.count > 0 ? toChosen(tx, change, chosen) : undefined;
    },
  };
}

type ChosenRow = JobChunk & { attempts: string; reached: string[] };

function toChosen(tx: Queryable, change: JobChange, row: ChosenRow): Chosen {
  return {
    count: row.count,
    ids: row.ids,
    reached: row.reached,
    async change(place) {
      const after = await change.apply(tx, row, place);
      const before = `{"state":"${row.state}","jobs":${toJsonArray(row.ids)},"attempts":${toJsonArray(row.attempts)}}`;
      return `{"before":${before},"after":${JSON.stringify(after)}}`;
    },
  };
}

/** Turns `{1,2}` into `[1,2]`; valid for numbers only. */
const toJsonArray = (array: string) => `[${array.slice(1, -1)}]`;

/**
 * Selects and locks the next jobs of a source, as one row. Jobs that others have locked are
 * skipped.
 */
function selectChunk(source: JobSource, size: number, bindings: Bindings, where: string[]): string {
  const columns = source.walk.map(({ sql }) => sql);
  const attempts = source.judged ? 'coalesce(v.attempt, j.attempts)' : 'j.attempts';
  const last = (i: number) => `(array_agg(walk${i}))[count(*)]::text`;
  return `
    select '${source.state}' as state, count(*)::int as count, array_agg(id)::text as ids,
      array_agg(attempts)::text as attempts,
      array[${columns.map((_, i) => last(i)).join(', ')}] as reached
    from (
      select j.id, ${attempts} as attempts,
        ${columns.map((column, i) => `${column} as walk${i}`).join(', ')}
      from ${source.from} where ${where.join(' and ')}
      order by ${columns.join(', ')} limit ${bindings.add(size)}::int
      for update of ${source.judged ? 'v' : 'j'} skip locked
    ) chosen`;
}

function isBeyond({ walk }: JobSource, after: string[], bindings: Bindings): string {
  const places = walk.map(({ type }, i) => `${bindings.add(after[i])}::${type}`);
  return `(${walk.map(({ sql }) => sql).join(', ')}) > (${places.join(', ')})`;
}
