import type { Queryable } from '../db/database.ts';
import { keysOfDonation, sendKey } from '../queue/keys.ts';

/** What entries are about: things by their ids, and the jobs that a bulk change names. */
export interface Subjects {
  ids: string[];
  jobs: string[];
}

/** What has to do with these donations: their receipts, deliveries and jobs. */
export async function aboutDonations(db: Queryable, donations: string[]): Promise<Subjects> {
  const { rows } = await db.query<{ receipt: string; delivery: string | null }>(
    `select c.receipt_id as receipt, d.id as delivery from donations.receipt_donations c
     left join donations.receipt_deliveries d on d.receipt_id = c.receipt_id
     where c.donation_id = any ($1)`,
    [donations],
  );
  const deliveries = rows.flatMap(({ delivery }) => delivery ?? []);
  return {
    ids: [...new Set([...donations, ...rows.map(({ receipt }) => receipt), ...deliveries])],
    jobs: await jobsOf(db, donations, deliveries),
  };
}

/** What has to do with a receipt: its deliveries and their jobs. */
export async function aboutReceipt(db: Queryable, receipt: string): Promise<Subjects> {
  const { rows } = await db.query<{ id: string }>(
    'select id from donations.receipt_deliveries where receipt_id = $1',
    [receipt],
  );
  const deliveries = rows.map(({ id }) => id);
  return { ids: [receipt, ...deliveries], jobs: await jobsOf(db, [], deliveries) };
}

/** What has to do with a donor: all that has to do with the donor's donations. */
export async function aboutDonor(db: Queryable, donor: string): Promise<Subjects> {
  const { rows } = await db.query<{ id: string }>(
    'select id from donations.donations where donor_id = $1 order by created_at desc limit 5000',
    [donor],
  );
  const { ids, jobs } = await aboutDonations(
    db,
    rows.map(({ id }) => id),
  );
  return { ids: [donor, ...ids], jobs };
}

/** The jobs of donations and deliveries: those that have run, and those that wait under their keys. */
async function jobsOf(db: Queryable, donations: string[], deliveries: string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select job_id::text as id from donations.job_attempts where donation_id = any ($1)
     union select job_id::text from donations.receipt_deliveries where id = any ($2) and job_id is not null
     union select id::text from graphile_worker._private_jobs where key = any ($3)`,
    [donations, deliveries, [...donations.flatMap(keysOfDonation), ...deliveries.map(sendKey)]],
  );
  return rows.map(({ id }) => id);
}
