import type { Queryable } from '../../db/database.ts';

/** An attempt that went wrong. */
export interface FailedAttempt {
  /** As ISO 8601. */
  at: string;
  job: string;
  task: string;
  attempt: number;
  donation: string | null;
  outcome: string;
  error: string;
  error_class: string | null;
}

/** Attempts that went wrong (a declined card is an answer), the latest first; of a time, or of all. */
export async function listFailures(
  tx: Queryable,
  { from, to, limit }: { from?: Date | undefined; to?: Date | undefined; limit: number },
): Promise<FailedAttempt[]> {
  const { rows } = await tx.query<Omit<FailedAttempt, 'at'> & { at: Date }>(
    `select started_at as at, job_id::text as job, task, attempt::int, donation_id as donation, outcome,
       left(coalesce(error_message, ''), 200) as error, error_class
     from donations.job_attempts
     where outcome <> 'succeeded' and outcome <> 'declined' and started_at >= $1::timestamptz and started_at < $2::timestamptz
     order by started_at desc limit $3`,
    [from ?? '-infinity', to ?? 'infinity', limit],
    'monitor_failures',
  );
  return rows.map(({ at, ...row }) => ({ at: at.toISOString(), ...row }));
}
