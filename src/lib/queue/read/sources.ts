import {
  amounts,
  type Bindings,
  beginsWith,
  type Condition,
  type Conditions,
  compares,
  compileFilter,
  isAged,
  isDated,
  isSince,
  matches,
  resembles,
} from '../../filter/compile.ts';
import type { Term } from '../../filter/parse.ts';
import { FAILED_BY_OTHERS } from '../run/adopt.ts';
import { HAS_LEFT } from '../run/workers.ts';
import { endedBy, type JobState, RUNNING, WAITING, WAITING_AS } from '../states.ts';
import type { KnownDonations } from './known-donations.ts';
import { type JobFilter, type JobTerm, wantedStates } from './vocabulary.ts';

/**
 * The jobs of one state as a query: `j` is Graphile Worker's job, `v` its verdict. Each source
 * reads an index that contains few other jobs (guarded by test/db/graphile-schema.test.ts).
 */
export interface JobSource {
  state: JobState;
  from: string;
  where: string;
  /**
   * SQL: when the job failed, was started, or became due. For later jobs, when they were enqueued.
   */
  at: string;
  /** The order of the source's index: by time, or by queue order. */
  natural: 'time' | 'queue';
  /** The index columns that order a walk over all jobs of this source. */
  walk: Column[];
  /** SQL: the job's id, from the table whose index is walked. */
  id: string;
  /** Whether the query has a verdict `v`. */
  judged: boolean;
  /** SQL: the donation of the job. */
  donation: string;
}

interface Column {
  sql: string;
  type: 'bigint' | 'timestamptz';
}

const JOBS = 'graphile_worker._private_jobs j';
// `+ 0` prevents the reverse join order, from a million jobs to a few verdicts.
const VERDICTS =
  'donations.job_verdicts v join graphile_worker._private_jobs j on j.id = v.job_id + 0';
const BY_ID: Column[] = [{ sql: 'j.id', type: 'bigint' }];
const IN_PAYLOAD = `j.payload->>'donation_id'`;

/** A job locked for this long is stuck: provider calls time out within seconds. */
const STUCK_AFTER = `interval '10 minutes'`;
const OUR_LOCKER_IS_GONE = `j.locked_by in (
  select w.pool_id from donations.workers w where w.pool_id is not null and ${HAS_LEFT})`;
const STUCK = `(j.locked_at < now() - ${STUCK_AFTER} or ${OUR_LOCKER_IS_GONE})`;

const waiting = (state: keyof typeof WAITING_AS, at: string): JobSource => ({
  state,
  from: JOBS,
  where: `${WAITING} and ${WAITING_AS[state]}`,
  at,
  natural: 'queue',
  walk: BY_ID,
  id: 'j.id',
  judged: false,
  donation: IN_PAYLOAD,
});
const ended = (state: JobState, decision: 'fail' | 'hold'): JobSource => ({
  state,
  from: VERDICTS,
  // The query must repeat this condition to use the partial index of verdicts other than retry.
  where: `v.decision <> 'retry' and ${endedBy(decision)}`,
  at: 'v.decided_at',
  natural: 'time',
  walk: [{ sql: 'v.job_id', type: 'bigint' }],
  id: 'v.job_id',
  judged: true,
  donation: 'v.donation_id',
});

/** The sources that a filter selects. */
export function sourcesOf(filter: JobFilter): JobSource[] {
  const states = wantedStates(filter);
  const sources: JobSource[] = [];
  if (states.has('failed')) {
    sources.push(ended('failed', 'fail'), {
      // Jobs that others failed recently: of unknown tasks, or failed by hand.
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
      where: `${RUNNING}${kind}`,
      at: 'j.locked_at',
      natural: 'time',
      walk: BY_ID,
      id: 'j.id',
      judged: false,
      donation: IN_PAYLOAD,
    });
  }
  if (states.has('ready')) sources.push(waiting('ready', 'j.run_at'));
  if (states.has('retrying')) sources.push(waiting('retrying', 'j.created_at'));
  if (states.has('scheduled')) sources.push(waiting('scheduled', 'j.created_at'));
  return sources;
}

/** All conditions on a source's jobs, the filter included. */
export function conditionsOf(
  source: JobSource,
  filter: JobFilter,
  known: KnownDonations,
  bindings: Bindings,
): string {
  return [source.where, ...compileFilter(filter, meaning(source, known), bindings)].join(' and ');
}

function meaning(
  { state, id, at, judged, donation }: JobSource,
  known: KnownDonations,
): Conditions<JobTerm> {
  const ofDonation =
    (condition: Condition): Condition =>
    (term, bindings) =>
      `exists (select 1 from donations.donations d where d.id = ${donation} and (${condition(term, bindings)}))`;
  const ofFund: Condition = (term, bindings) =>
    `exists (select 1 from donations.allocations f
      where f.donation_id = ${donation} and (${resembles('f.fund')(term, bindings)}))`;
  const isKnown: Condition = (term, bindings) => {
    const { donations, jobs, keys } = known(term);
    return judged
      ? `v.donation_id = any (${bindings.add(donations)}::text[])`
      : `j.id = any (${bindings.add(jobs)}::bigint[]) or j.key = any (${bindings.add(keys)}::text[])`;
  };
  // For jobs without a verdict, the ledger has the last error.
  const last = (column: string) =>
    `(select a.${column} from donations.job_attempts a where a.job_id = j.id and j.attempts > 0
      order by a.started_at desc limit 1)`;
  const error = (column: string) => (judged ? `v.${column}` : last(column));
  return {
    // The state selects the sources.
    state: null,
    job: ({ values }, bindings) => `${id} = any (${bindings.add(values)}::bigint[])`,
    task: (term, bindings) =>
      judged
        ? matches('v.task')(term, bindings)
        : `j.task_id = any (array(select t.id from graphile_worker._private_tasks t
             where ${matches('t.identifier')(term, bindings)}))`,
    queue: (term, bindings) =>
      `j.job_queue_id = any (array(select q.id from graphile_worker._private_job_queues q
         where ${matches('q.queue_name')(term, bindings)}))`,
    error: (term, bindings) => {
      if (term.operator === '~')
        return matches(judged ? 'v.message' : 'j.last_error')(term, bindings);
      return `${matches(error('error_class'))(term, bindings)} or ${matches(error('error_code'))(term, bindings)}`;
    },
    fingerprint: beginsWith(error('fingerprint')),
    donation: isKnown,
    donor: isKnown,
    fund: ofFund,
    campaign: ofDonation(resembles('d.campaign')),
    amount: ofDonation(amounts('d.amount_minor', 'd.currency')),
    received: ofDonation(isDated('d.received_on')),
    batch: beginsWith(`j.payload->>'batch_id'`),
    retry: (term, bindings) =>
      `${id} = any (array(select w.job_id from donations.paced_retries w
         where ${beginsWith('w.operation')(term, bindings)}))`,
    age: isAged(at),
    since: isSince(at),
    attempts: compares(judged ? 'coalesce(v.attempt, j.attempts)' : 'j.attempts'),
    worker: (term, bindings) => workerCondition(state, term, bindings),
    payload: (term, bindings) =>
      matches(`(j.payload #>> ${bindings.add(term.path)}::text[])`)(term, bindings),
  };
}

/** For a running job, its worker by either name; for other jobs, the worker of the last attempt. */
function workerCondition(state: JobState, term: Term, bindings: Bindings): string {
  const isNamed = (sql: string) => beginsWith(sql)(term, bindings);
  if (state === 'running') {
    return `${isNamed('j.locked_by')} or j.locked_by in (
      select w.pool_id from donations.workers w where ${isNamed('w.id')})`;
  }
  return `exists (select 1 from donations.job_attempts a where a.job_id = j.id and (${isNamed('a.worker_id')}))`;
}
