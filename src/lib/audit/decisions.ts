import type { Queryable } from '../db/database.ts';
import type { Subjects } from './about.ts';

/** What a person decided about one thing. */
export interface Decision {
  id: string;
  at: Date;
  actor: string;
  host: string;
  action: string;
  reason: string | null;
  /** In words: `sends receipt 2026-000042 again, as a copy`. */
  words: string;
}

interface Row extends Omit<Decision, 'words'> {
  detail: Record<string, unknown>;
  job: string | null;
}

/**
 * People's decisions about these things, the oldest first. Of a bulk change, the chunk that changed
 * one of the jobs.
 */
export async function decisionsAbout(
  db: Queryable,
  { ids, jobs }: Subjects,
  since: Date,
): Promise<Decision[]> {
  const { rows } = await db.query<Row>(
    `select coalesce(a.operation, a.id) as id, a.at, a.actor, a.host, a.action, a.reason,
       case when j.job is null then a.detail
         else jsonb_build_object('state', a.detail #> '{before,state}', 'outcome', a.detail -> 'outcome') end as detail,
       j.job::text
     from donations.audit_log a
     left join lateral (
       select job from unnest($2::text[]) job
       where a.operation is not null and a.detail #> '{before,jobs}' @> job::jsonb limit 1) j on true
     where a.at >= $3::timestamptz - interval '1 second' and (a.subject = any ($1) or j.job is not null)
     order by a.at, a.id`,
    [ids, jobs, since],
  );
  return rows.map(({ detail, job, ...row }) => ({
    ...row,
    words: inWords(row.action, detail, job),
  }));
}

function inWords(action: string, detail: Record<string, unknown>, job: string | null): string {
  const receipt = detail.number ? `receipt ${detail.number}` : 'the receipt';
  switch (action) {
    case 'receipts.resolve':
      return detail.outcome === 'sent'
        ? `says that ${receipt} was sent`
        : `has ${receipt} sent, although it may have been before`;
    case 'receipts.resend':
      return `sends ${receipt} again, as a copy`;
  }
  if (job === null) return action;
  const [, verb = action] = action.split('.');
  const state = typeof detail.state === 'string' ? `, which was ${detail.state}` : '';
  return `${VERBS[verb] ?? `${action}:`} job ${job}${state}`;
}

const VERBS: Record<string, string> = {
  retry: 'retries',
  discard: 'discards',
  restore: 'restores',
  reschedule: 'reschedules',
  recall: 'calls off the retry of',
  rescue: 'releases',
};
