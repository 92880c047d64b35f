import type { Queryable } from '../db/database.ts';
import { notFound, usageError } from '../errors.ts';
import { readPayload } from '../queue/read/by-key.ts';

/**
 * Finds the donation that a person refers to. Accepts its id or an unambiguous prefix, the id of a
 * receipt or delivery, a receipt number, Stripe's `pi_…`, or the id of one of its jobs.
 *
 * @returns the donation's full id.
 * @throws UserError `not_found`, or `usage` when several donations match.
 */
export async function findDonation(db: Queryable, ref: string): Promise<string> {
  const text = ref.trim();
  const ids = await candidates(db, text);
  const [id, other] = ids;
  if (!id) {
    throw notFound(
      `nothing found for "${ref}"`,
      'Use the id of a donation (don_…), receipt (rcp_… or its number), payment (pi_…) or job.',
    );
  }
  if (other)
    throw usageError(
      `"${ref}" matches several donations: ${ids.join(', ')}`,
      'Type more characters of the id.',
    );
  return id;
}

async function candidates(db: Queryable, text: string): Promise<string[]> {
  const prefixed: Record<string, string> = {
    don_: 'select id from donations.donations where id like $1',
    pi_: 'select donation_id as id from donations.charges where payment_intent_id like $1',
    rcp_: 'select donation_id as id from donations.receipt_donations where receipt_id like $1',
    dlv_: `select c.donation_id as id from donations.receipt_deliveries d
      join donations.receipt_donations c on c.receipt_id = d.receipt_id where d.id like $1`,
  };
  const kind = Object.keys(prefixed).find((prefix) => text.startsWith(prefix));
  if (kind) {
    const pattern = `${text.replace(/[%_\\]/g, '\\$&')}%`;
    return unique(db, `${prefixed[kind]} limit 3`, [pattern]);
  }
  if (/^\d{1,18}$/.test(text)) return ofJob(db, text);
  const number = /^(.{1,20})-0*(\d{1,18})$/.exec(text);
  if (!number) return [];
  return unique(
    db,
    `select c.donation_id as id from donations.receipts r
     join donations.receipt_donations c on c.receipt_id = r.id
     where r.label = donations.receipt_label($1, $2)`,
    [number[1], number[2]],
  );
}

async function ofJob(db: Queryable, jobId: string): Promise<string[]> {
  const recorded = await unique(
    db,
    `select donation_id as id from donations.job_attempts where job_id = $1 and donation_id is not null
     union select c.donation_id from donations.receipt_deliveries d
       join donations.receipt_donations c on c.receipt_id = d.receipt_id where d.job_id = $1`,
    [jobId],
  );
  if (recorded.length > 0) return recorded;
  const payload = (await readPayload(db, jobId)) as { donation_id?: unknown } | undefined;
  return typeof payload?.donation_id === 'string' ? [payload.donation_id] : [];
}

async function unique(db: Queryable, sql: string, values: unknown[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(sql, values);
  return [...new Set(rows.map((row) => row.id))];
}
