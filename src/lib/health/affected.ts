import type { Queryable } from '../db/database.ts';
import { RUNNING, WAITING, WAITING_AS, WILL_RETRY } from '../queue/states.ts';
import { findContradictions } from '../webhooks/contradictions.ts';
import type { Rule, RuleKind } from './rule-kinds.ts';

/** What an incident is about, counted up to a bound. */
export interface Affected {
  /** Null where no jobs are meant. */
  jobs: number | null;
  donors: number | null;
  /** The sum of their gifts, by currency. */
  amounts: { currency: string; minor: string }[];
  /** The commonest reason, as far as one is known. */
  cause: string | null;
}

const BOUND = 10_000;
const CAUSES_BOUND = 1000;

const IN_QUEUE = (which: string) => `
  select j.payload->>'donation_id' as donation from graphile_worker._private_jobs j
  where ${which} and ($1::text is null or j.task_id =
    (select id from graphile_worker._private_tasks where identifier = $1))`;
const READY = IN_QUEUE(`${WAITING} and ${WAITING_AS.ready}`);
/** What is stopped keeps waiting between its retries, too. */
const STOPPED = IN_QUEUE(`${WAITING} and (${WAITING_AS.ready} or ${WILL_RETRY})`);
const JUDGED = (decision: 'fail' | 'hold') => `
  select donation_id as donation from donations.job_verdicts
  where decision <> 'retry' and decision = '${decision}' and ($1::text is null or task = $1)`;
const WRONG = `
  from donations.job_attempts where outcome in ('retry', 'failed', 'held', 'abandoned')
    and ($1::text is null or task = $1) and started_at >= now() - make_interval(secs => $2::float8 / 1000)`;

/** Of each kind the jobs that are meant, by their donations: `$1` is the task, `$2` the window. */
const JOBS: Partial<Record<RuleKind, string>> = {
  backlog: READY,
  wait: READY,
  circuit: STOPPED,
  refused: STOPPED,
  paused: STOPPED,
  workers: STOPPED,
  failed: JUDGED('fail'),
  held: JUDGED('hold'),
  stuck: IN_QUEUE(`${RUNNING} and j.locked_at < now() - interval '10 minutes'`),
  errors: `select donation_id as donation, job_id ${WRONG}`,
  receipts_held: `
    select rd.donation_id as donation from donations.receipt_deliveries d
    join donations.receipt_donations rd on rd.receipt_id = d.receipt_id
    where d.needs_attention and d.status = 'held'`,
};

const VERDICT_CAUSE = (decision: 'fail' | 'hold') => `
  select message as cause from (
    select fingerprint, message from donations.job_verdicts
    where decision <> 'retry' and decision = '${decision}' and ($1::text is null or task = $1)
    order by decided_at desc limit ${CAUSES_BOUND}) latest
  group by fingerprint, message order by count(*) desc limit 1`;
const PAUSE_CAUSE = (cause: string) =>
  `select reason as cause from donations.task_pauses where cause = '${cause}' and task = $1`;

const CAUSES: Partial<Record<RuleKind, string>> = {
  failed: VERDICT_CAUSE('fail'),
  held: VERDICT_CAUSE('hold'),
  errors: `
    select min(error_message) as cause from (
      select fingerprint, error_message ${WRONG} order by started_at desc limit ${CAUSES_BOUND}) latest
    where error_message is not null group by fingerprint order by count(*) desc limit 1`,
  circuit: PAUSE_CAUSE('circuit'),
  refused: PAUSE_CAUSE('misconfigured'),
  paused: PAUSE_CAUSE('operator'),
};

/** Who and what a rule's verdict on a subject is about, as things are now. */
export async function findAffected(tx: Queryable, rule: Rule, subject: string): Promise<Affected> {
  const { kind } = rule;
  const task = subject === '' || kind === 'workers' ? null : subject;
  // A filter's jobs are counted by the rule; whose they are is not asked.
  if (rule.filter) return { jobs: null, donors: null, amounts: [], cause: null };
  const causes = CAUSES[kind];
  const cause = causes
    ? await first<{ cause: string }>(tx, causes, task, rule.windowMs)
    : undefined;
  const base = { cause: cause?.cause ?? null };
  if (kind === 'contradictions') {
    const ids = await findContradictions(tx);
    return {
      ...base,
      ...(await ofDonations(tx, 'select unnest($1::text[]) as donation', [ids])),
      jobs: null,
    };
  }
  const jobs = JOBS[kind];
  if (!jobs) return { ...base, jobs: null, donors: null, amounts: [] };
  return { ...base, ...(await ofDonations(tx, jobs, bind(jobs, task, rule.windowMs))) };
}

/** Postgres refuses a value that a statement does not name. */
const bind = (sql: string, task: string | null, windowMs: number): unknown[] =>
  [task, windowMs].slice(0, sql.includes('$2') ? 2 : sql.includes('$1') ? 1 : 0);

async function first<T extends object>(
  tx: Queryable,
  sql: string,
  task: string | null,
  windowMs: number,
): Promise<T | undefined> {
  return (await tx.query<T>(sql, bind(sql, task, windowMs))).rows[0];
}

async function ofDonations(
  tx: Queryable,
  jobs: string,
  values: unknown[],
): Promise<Omit<Affected, 'cause'>> {
  const { rows } = await tx.query<{
    jobs: number;
    donors: number;
    amounts: Affected['amounts'] | null;
  }>(
    `with found as materialized (select donation from (${jobs}) all_of_them limit ${BOUND}),
     given as materialized (
       select d.id, d.donor_id, d.currency, d.amount_minor from donations.donations d
       where d.id in (select donation from found))
     select (select count(*)::int from found) as jobs,
       (select count(distinct donor_id)::int from given) as donors,
       (select json_agg(sums order by currency) from (
          select currency, sum(amount_minor)::text as minor from given group by currency) sums) as amounts`,
    values,
  );
  const [row] = rows;
  return { jobs: row?.jobs ?? 0, donors: row?.donors ?? 0, amounts: row?.amounts ?? [] };
}
