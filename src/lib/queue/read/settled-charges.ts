import type { Queryable } from '../../db/database.ts';
import type { TaskName } from '../tasks.ts';

/** The tasks that charge a donation or find out the result of its charge. */
const CHARGES: TaskName[] = ['charge_card', 'settle_donation'];
const CHARGE_LIST = CHARGES.map((task) => `'${task}'`).join(', ');

export const isCharge = (task: string) => (CHARGES as string[]).includes(task);

/** SQL: whether the job `j` charges a donation. */
export const CHARGES_CARD = `j.task_id in (
  select t.id from graphile_worker._private_tasks t where t.identifier in (${CHARGE_LIST}))`;

/**
 * SQL: whether the donation is settled (charged, or failed for good), so that charging it again
 * changes nothing.
 */
const isSettled = (donation: string) => `exists (
  select 1 from donations.donations d where d.id = ${donation} and d.settled_at is not null)`;

/** SQL: whether the donation has failed for good. */
export const hasFailed = (donation: string) => `exists (
  select 1 from donations.donations d where d.id = ${donation} and d.status = 'failed')`;

/** SQL: whether the donation is charged. */
export const isCharged = (donation: string) => `exists (
  select 1 from donations.donations d where d.id = ${donation} and d.settled_at is not null
    and d.status <> 'failed')`;

/**
 * How the donation that a job charges was settled; undefined if it is open, or the job charges
 * none.
 */
export async function settledCharge(
  tx: Queryable,
  { task, donation }: { task: string; donation: string | null },
): Promise<'charged' | 'failed' | undefined> {
  if (!isCharge(task) || donation === null) return undefined;
  const { rows } = await tx.query<{ failed: boolean; charged: boolean }>(
    `select ${hasFailed('$1')} as failed, ${isCharged('$1')} as charged`,
    [donation],
  );
  if (rows[0]?.failed) return 'failed';
  return rows[0]?.charged ? 'charged' : undefined;
}

/** For each error group, how many failed jobs charge donations that are settled already. */
export async function countSettledCharges(
  tx: Queryable,
  groups: { fingerprint: string }[],
  { since, bound }: { since: Date; bound: number },
): Promise<Map<string, number>> {
  if (groups.length === 0) return new Map();
  const { rows } = await tx.query<{ fingerprint: string; count: number }>(
    // The first part needs the index only.
    `with charges as materialized (
       select job_id, fingerprint from (
         select job_id, fingerprint, task, decision from donations.job_verdicts
         where decision <> 'retry' and decided_at >= $1 order by decided_at desc limit ${bound}) latest
       where decision = 'fail' and task in (${CHARGE_LIST}) and fingerprint = any ($2)
     )
     select c.fingerprint, count(*)::int as count
     from charges c join donations.job_verdicts v on v.job_id = c.job_id
     where ${isSettled('v.donation_id')} group by c.fingerprint`,
    [since, groups.map(({ fingerprint }) => fingerprint)],
  );
  return new Map(rows.map(({ fingerprint, count }) => [fingerprint, count]));
}
