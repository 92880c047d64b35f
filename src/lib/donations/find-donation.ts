import type { Queryable } from '../db/database.ts';
import { likeId } from '../db/match.ts';
import { findDonors, severalDonors } from '../donors/find-donor.ts';
import { notFound, UserError } from '../errors.ts';
import { givenId } from '../ids.ts';
import { formatMoney } from '../money.ts';
import { readPayload } from '../queue/read/by-key.ts';

/**
 * The donation that a person means: by its id or an unambiguous beginning of it, by a receipt's or
 * delivery's id, a receipt's number, Stripe's `pi_…`, the id of one of its jobs, or by its donor:
 * an e-mail address or a part of a name.
 *
 * @returns the donation's full id.
 * @throws UserError `not_found`, or `usage` with the choices when several donations fit.
 */
export async function findDonation(db: Queryable, ref: string): Promise<string> {
  const text = givenId(ref);
  const ids = await candidates(db, text);
  const [id, other] = ids;
  if (other) throw await severalDonations(db, ref, ids);
  return id ?? ofDonor(db, text);
}

/** More than a person chooses among. */
const MOST_CHOICES = 10;

async function ofDonor(db: Queryable, ref: string): Promise<string> {
  const [donor, ...others] = await findDonors(db, ref, MOST_CHOICES + 1);
  if (others.length > 0 && donor)
    throw severalDonors(ref, [donor, ...others], 'donations donors show');
  const ids = donor
    ? await unique(
        db,
        `select id from donations.donations where donor_id = $1
         order by created_at desc limit ${MOST_CHOICES + 1}`,
        [donor.id],
      )
    : [];
  const [id, other] = ids;
  if (other) throw await severalDonations(db, ref, ids);
  if (id) return id;
  throw notFound(
    donor ? `${donor.name} has no donations` : `nothing found for "${ref}"`,
    'Give a donation (don_…), receipt (rcp_… or its number), payment (pi_…) or job id, an e-mail address or a name.',
  );
}

async function severalDonations(db: Queryable, ref: string, ids: string[]): Promise<UserError> {
  const { rows } = await db.query<{
    id: string;
    day: string;
    status: string;
    minor: bigint;
    currency: string;
  }>(
    `select id, gift_on as day, status, amount_minor as minor, currency
     from donations.donations where id = any ($1) order by created_at desc`,
    [ids.slice(0, MOST_CHOICES)],
  );
  const lines = rows.map(
    ({ id, day, status, ...money }) =>
      `${day} ${formatMoney(money)} ${status}: donations show ${id}`,
  );
  if (ids.length > MOST_CHOICES) lines.push('All of them: donations list --limit 1000');
  return new UserError('usage', `"${ref}" fits several donations`, lines.join('\n'));
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
    return unique(db, `${prefixed[kind]} limit ${MOST_CHOICES + 1}`, [likeId(text)]);
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
