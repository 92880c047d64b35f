import {
  beginsWith,
  type Condition,
  type Conditions,
  compares,
  compileFilter,
  isAged,
  isSince,
  matches,
  matchesAnyCase,
  type Params,
  wantedStates,
} from '../../filter/compile.ts';
import type { Filter, Term } from '../../filter/parse.ts';
import type { JobState } from '../../filter/terms.ts';
import { FAILED_BY_OTHERS } from '../run/adopt.ts';
import type { KnownDonations } from './known-donations.ts';

/**
 * The jobs of one state, as the rows of one query: `j` is Graphile Worker's job, `v` the verdict on
 * one that has failed. Each reads an index that holds hardly more than its own jobs; which, is
 * guarded by test/db/graphile-schema.test.ts.
 */
export interface JobSource {
  state: JobState;
  from: string;
  where: string;
  /** Since when it is so: when it failed, was begun, or became due; of jobs to come, when they were enqueued. */
  at: string;
  /** The columns in whose order the index has them. */
  natural: 'time' | 'queue';
  /** The columns in whose order an index gives the jobs of this source for a walk over all of them. */
  walk: Column[];
  /** The job's id, from the table that the walk is over. */
  id: string;
  /** Whether `v` is there. */
  judged: boolean;
  /** The donation that the job is about. */
  donation: string;
}

interface Column {
  sql: string;
  type: 'bigint' | 'timestamptz';
}

const JOBS = 'graphile_worker._private_jobs j';
// `+ 0` keeps the planner from going the other way: from a million jobs to the verdicts on a few.
const VERDICTS =
  'donations.job_verdicts v join graphile_worker._private_jobs j on j.id = v.job_id + 0';
const BY_ID: Column[] = [{ sql: 'j.id', type: 'bigint' }];
const IN_PAYLOAD = `j.payload->>'donation_id'`;
const EXHAUSTED = 'j.attempts >= j.max_attempts and j.locked_at is null';

/** Locked for this long a job is stuck, whoever has it: providers have deadlines of seconds. */
const STUCK_AFTER = `interval '10 minutes'`;
const OUR_LOCKER_IS_GONE = `exists (
  select 1 from donations.workers w where w.pool_id = j.locked_by
    and (w.stopped_at is not null or w.released_at is not null or w.seen_at < now() - interval '6 seconds'))`;
const STUCK = `(j.locked_at < now() - ${STUCK_AFTER} or ${OUR_LOCKER_IS_GONE})`;

const waiting = (state: JobState, where: string, at: string): JobSource => ({
  state,
  from: JOBS,
  where: `j.is_available = true and ${where}`,
  at,
  natural: 'queue',
  walk: BY_ID,
  id: 'j.id',
  judged: false,
  donation: IN_PAYLOAD,
});
const ended = (state: JobState, decision: string): JobSource => ({
  state,
  from: VERDICTS,
  where: `v.decision = '${decision}' and v.decision <> 'retry' and v.applied_at is not null and ${EXHAUSTED}`,
  at: 'v.decided_at',
  natural: 'time',
  walk: [{ sql: 'v.job_id', type: 'bigint' }],
  id: 'v.job_id',
  judged: true,
  donation: 'v.donation_id',
});

/** Where the jobs are that a filter lets through. */
export function sourcesOf(filter: Filter): JobSource[] {
  const states = wantedStates(filter);
  const sources: JobSource[] = [];
  if (states.has('failed')) {
    sources.push(ended('failed', 'fail'), {
      // Lately failed by others than us: jobs of tasks that we do not know, or failed by hand.
      state: 'failed',
      from: JOBS,
      where: FAILED_BY_OTHERS,
      at: 'j.updated_at',
      natural: 'time',
      walk: [{ sql: 'j.updated_at', type: 'timestamptz' }, ...BY_ID],
      id: 'j.id',
      judged: false,
      donation: IN_PAYLOAD,
    });
  }
  if (states.has('held')) sources.push(ended('held', 'hold'));
  if (states.has('stuck') || states.has('at_work')) {
    const both = states.has('stuck') && states.has('at_work');
    const kind = both ? '' : ` and ${states.has('stuck') ? STUCK : `not ${STUCK}`}`;
    sources.push({
      state: 'running',
      from: JOBS,
      where: `j.locked_at is not null${kind}`,
      at: 'j.locked_at',
      natural: 'time',
      walk: BY_ID,
      id: 'j.id',
      judged: false,
      donation: IN_PAYLOAD,
    });
  }
  if (states.has('ready')) sources.push(waiting('ready', 'j.run_at <= now()', 'j.run_at'));
  if (states.has('retrying'))
    sources.push(waiting('retrying', 'j.run_at > now() and j.attempts > 0', 'j.created_at'));
  if (states.has('scheduled'))
    sources.push(waiting('scheduled', 'j.run_at > now() and j.attempts = 0', 'j.created_at'));
  return sources;
}

/** Everything that a source's jobs must satisfy, the filter included. */
export function conditionsOf(
  source: JobSource,
  filter: Filter,
  known: KnownDonations,
  params: Params,
): string {
  return [source.where, ...compileFilter(filter, meaning(source, known), params)].join(' and ');
}

function meaning(
  { state, id, at, judged, donation }: JobSource,
  known: KnownDonations,
): Conditions {
  const ofFund: Condition = (term, params) =>
    `exists (select 1 from donations.allocations f
      where f.donation_id = ${donation} and ${matchesAnyCase('f.fund')(term, params)})`;
  const ofCampaign: Condition = (term, params) =>
    `exists (select 1 from donations.donations d
      where d.id = ${donation} and ${matchesAnyCase('d.campaign')(term, params)})`;
  const isKnown: Condition = (term, params) => {
    const { donations, jobs, keys } = known(term);
    return judged
      ? `v.donation_id = any (${params.add(donations)}::text[])`
      : `j.id = any (${params.add(jobs)}::bigint[]) or j.key = any (${params.add(keys)}::text[])`;
  };
  // Of jobs without a standing verdict the ledger knows what went wrong last.
  const last = (column: string) =>
    `(select a.${column} from donations.job_attempts a where a.job_id = j.id and j.attempts > 0
      order by a.started_at desc limit 1)`;
  const error = (column: string) => (judged ? `v.${column}` : last(column));
  return {
    job: ({ values }, params) => `${id} = any (${params.add(values)}::bigint[])`,
    task: (term, params) =>
      judged
        ? matches('v.task')(term, params)
        : `j.task_id = any (array(select t.id from graphile_worker._private_tasks t
             where ${matches('t.identifier')(term, params)}))`,
    queue: (term, params) =>
      `j.job_queue_id = any (array(select q.id from graphile_worker._private_job_queues q
         where ${matches('q.queue_name')(term, params)}))`,
    error: (term, params) => {
      if (term.operator === '~')
        return matches(judged ? 'v.message' : 'j.last_error')(term, params);
      return `${matches(error('error_class'))(term, params)} or ${matches(error('error_code'))(term, params)}`;
    },
    fingerprint: beginsWith(error('fingerprint')),
    donation: isKnown,
    donor: isKnown,
    fund: ofFund,
    campaign: ofCampaign,
    batch: beginsWith(`j.payload->>'batch_id'`),
    age: isAged(at),
    since: isSince(at),
    attempts: compares(judged ? 'coalesce(v.attempt, j.attempts)' : 'j.attempts'),
    worker: (term, params) => workerCondition(state, term, params),
    payload: (term, params) =>
      matches(`(j.payload #>> ${params.add(term.path)}::text[])`)(term, params),
  };
}

/** Of a running job who has it, by either of its names; of others who ran it last. */
function workerCondition(state: JobState, term: Term, params: Params): string {
  const isNamed = (sql: string) => beginsWith(sql)(term, params);
  if (state === 'running') {
    return `${isNamed('j.locked_by')} or j.locked_by in (
      select w.pool_id from donations.workers w where ${isNamed('w.id')})`;
  }
  return `exists (select 1 from donations.job_attempts a where a.job_id = j.id and (${isNamed('a.worker_id')}))`;
}
