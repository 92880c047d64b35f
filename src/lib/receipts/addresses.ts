import type { Queryable } from '../db/database.ts';

/** Why mail to an address does not arrive, or must not be sent. */
export type Problem = 'bounced' | 'dropped' | 'spam_report' | 'unsubscribed';

export interface AddressNews {
  email: string;
  /** Null: a mail was delivered to it, so an earlier problem is over. */
  problem: Problem | null;
  /** In the provider's words. */
  detail: string | null;
  at: Date;
}

const IN_WORDS: Record<Problem, string> = {
  bounced: 'mail to the address bounced',
  dropped: 'SendGrid sends nothing to the address',
  spam_report: 'the recipient reported a mail as spam',
  unsubscribed: 'the recipient has unsubscribed',
};

/** SQL: why the address in a column gets no mail, with the day; null when it does. */
export const problemWith = (column: string) => `(
  select case p.problem ${Object.entries(IN_WORDS)
    .map(([problem, words]) => `when '${problem}' then '${words}'`)
    .join(
      ' ',
    )} end || ' on ' || to_char(p.at at time zone 'utc', 'YYYY-MM-DD') || coalesce(' (' || p.detail || ')', '')
  from donations.address_problems p where p.email = lower(${column}))`;

/** SQL: the donor `n` with the primary address `e` has none, wants no mail, or the address gets none. */
export const CANNOT_BE_MAILED = `(e.email is null or not n.may_be_mailed or exists (
  select 1 from donations.address_problems p where p.email = lower(e.email)))`;

/** Records what is news of addresses, in the caller's transaction. Older news changes nothing. */
export async function recordAddressNews(tx: Queryable, news: AddressNews[]): Promise<void> {
  // One for each address, the latest: a statement may change a row only once.
  const latest = new Map<string, AddressNews>();
  for (const each of [...news].sort((a, b) => a.at.getTime() - b.at.getTime()))
    latest.set(each.email.toLowerCase(), each);
  const rows = [...latest]
    .map(([email, { problem, detail, at }]) => ({ email, problem, detail, at: at.toISOString() }))
    .sort((a, b) => (a.email < b.email ? -1 : 1));
  const problems = rows.filter(({ problem }) => problem !== null);
  const arrived = rows.filter(({ problem }) => problem === null);
  if (problems.length > 0) {
    await tx.query(
      `insert into donations.address_problems as known (email, problem, detail, at)
       select email, problem, left(detail, 500), at
       from json_to_recordset($1::json) as n(email text, problem text, detail text, at timestamptz)
       on conflict (email) do update set problem = excluded.problem, detail = excluded.detail, at = excluded.at
         where known.at < excluded.at`,
      [JSON.stringify(problems)],
    );
  }
  if (arrived.length > 0) {
    await tx.query(
      `delete from donations.address_problems p
       using json_to_recordset($1::json) as n(email text, at timestamptz)
       where p.email = n.email and p.at < n.at`,
      [JSON.stringify(arrived)],
    );
  }
}

/** Why an address gets no mail, in words; undefined when it does. */
export async function findProblem(db: Queryable, email: string): Promise<string | undefined> {
  const { rows } = await db.query<{ why: string | null }>(
    `select ${problemWith('$1::text')} as why`,
    [email],
  );
  return rows[0]?.why ?? undefined;
}
