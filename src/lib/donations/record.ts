import { createHash } from 'node:crypto';
import type { Db, Queryable } from '../db/database.ts';
import { findOrAddDonor } from '../donors/match.ts';
import { usageError } from '../errors.ts';
import { newId } from '../ids.ts';
import { CURRENT_ORGANIZATION } from '../organizations/organization.ts';
import { enqueue, type JobSpec } from '../queue/enqueue.ts';
import { chargeKey, settleKey } from '../queue/keys.ts';
import type { DonationStatus } from './donation.ts';
import type { Gift } from './input.ts';

/** Who makes the charge: the caller at once, or a job. */
export type ChargeBy = 'caller' | 'job';

export interface Recorded {
  id: string;
  /** False when an earlier call recorded the same request. */
  isNew: boolean;
}

/** The delay of the repair job after a charge begins. */
const SETTLE_AFTER_MS = 60_000;

/** The repair job, which finishes a charge whose process died. */
export const settleJob = (id: string, inMs: number): JobSpec => ({
  task: 'settle_donation',
  payload: { donation_id: id },
  key: settleKey(id),
  inMs,
});

/**
 * Records a card gift in one transaction with the job that charges it, or with the repair job if
 * the caller charges it. So a charge is always finished, even if the process dies.
 *
 * @throws UserError `usage` when the request id was used for another gift.
 */
export function recordCardGift(db: Db, gift: Gift, by: ChargeBy): Promise<Recorded> {
  return db.transaction(async (tx) => {
    const before = await findRequest(tx, gift);
    if (before) return { id: before, isNew: false };
    const donorId = await findOrAddDonor(tx, gift.donor);
    const id = newId('donation');
    if (
      !(await insertDonation(tx, {
        id,
        donorId,
        gift,
        status: by === 'job' ? 'pending' : 'processing',
      }))
    ) {
      // Another process has just recorded the same request.
      return { id: (await findRequest(tx, gift)) as string, isNew: false };
    }
    await enqueue(tx, [
      by === 'job'
        ? { task: 'charge_card', payload: { donation_id: id }, key: chargeKey(id) }
        : settleJob(id, SETTLE_AFTER_MS),
    ]);
    return { id, isNew: true };
  });
}

/** The donation that an earlier call recorded for the request, if any. */
async function findRequest(tx: Queryable, gift: Gift): Promise<string | undefined> {
  if (gift.requestId === undefined) return undefined;
  const { rows } = await tx.query<{ id: string; sha256: string }>(
    'select id, request_sha256 as sha256 from donations.donations where request_id = $1',
    [gift.requestId],
  );
  const [found] = rows;
  if (found && found.sha256 !== requestHash(gift)) {
    throw usageError(
      `the request id "${gift.requestId}" was used for another gift, ${found.id}`,
      `See that gift: donations show ${found.id}`,
    );
  }
  return found?.id;
}

const requestHash = (gift: Gift) =>
  createHash('sha256')
    .update(
      JSON.stringify(gift, (_, value) => (typeof value === 'bigint' ? value.toString() : value)),
    )
    .digest('hex');

/** Inserts a donation with its charge and its funds. @returns false when its request id exists. */
async function insertDonation(
  tx: Queryable,
  {
    id,
    donorId,
    gift,
    status,
  }: { id: string; donorId: string; gift: Gift; status: DonationStatus },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `with today as (
       select (now() at time zone coalesce((select "timeZone" from (${CURRENT_ORGANIZATION}) o), 'UTC'))::date as day
     ), donation as (
       insert into donations.donations (id, donor_id, amount_minor, currency, method, status, gift_on,
         postmarked_on, received_on, deposited_on, campaign, appeal, check_number, source, source_id,
         request_id, request_sha256, anonymous, tribute_kind, tribute_name, goods_description,
         goods_value_minor, in_kind_description, note)
       select $1, $2, $3, $4, $5, $6, coalesce($7::date, today.day), $8, coalesce($9::date, today.day), $10, $11, $12,
         $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24
       from today
       on conflict (request_id) where request_id is not null do nothing returning id
     ), charge as (
       insert into donations.charges (donation_id, payment_method)
       select id, $25 from donation where $25::text is not null
     ), shares as (
       insert into donations.allocations (donation_id, fund, amount_minor)
       select donation.id, s.fund, s.minor from donation,
         json_to_recordset($26::json) as s(fund text, minor bigint)
     )
     select id from donation`,
    [
      id,
      donorId,
      gift.amount.minor,
      gift.amount.currency,
      gift.method,
      status,
      gift.giftOn ?? null,
      gift.postmarkedOn ?? null,
      gift.receivedOn ?? null,
      gift.depositedOn ?? null,
      gift.campaign ?? null,
      gift.appeal ?? null,
      gift.checkNumber ?? null,
      gift.source ?? null,
      gift.sourceId ?? null,
      gift.requestId ?? null,
      gift.requestId === undefined ? null : requestHash(gift),
      gift.anonymous,
      gift.tribute?.kind ?? null,
      gift.tribute?.name ?? null,
      gift.goodsDescription ?? null,
      gift.goodsValueMinor,
      gift.inKindDescription ?? null,
      gift.note ?? null,
      gift.paymentMethod ?? null,
      JSON.stringify(
        gift.allocations.map(({ fund, minor }) => ({ fund, minor: minor.toString() })),
      ),
    ],
  );
  return rowCount === 1;
}

/** A similar gift, which may be the same gift entered twice. */
export interface Twin {
  id: string;
  status: DonationStatus;
  /** The age in milliseconds. */
  ageMs: number;
}

/**
 * The latest gift of the same donor, amount and currency within ten minutes that has not failed.
 */
export async function findTwin(db: Queryable, gift: Gift): Promise<Twin | undefined> {
  const { rows } = await db.query<Twin>(
    `select d.id, d.status, (extract(epoch from now() - d.created_at) * 1000)::float8 as "ageMs"
     from donations.donor_emails e
     join donations.donors n on n.id = e.donor_id and lower(n.name) = lower($2)
     join donations.donations d on d.donor_id = n.id
     where lower(e.email) = lower($1) and d.amount_minor = $3 and d.currency = $4
       and d.created_at > now() - interval '10 minutes' and d.status not in ('failed', 'void')
       and ($5::text is null or d.request_id is distinct from $5)
     order by d.created_at desc limit 1`,
    [
      gift.donor.email ?? '',
      gift.donor.name,
      gift.amount.minor,
      gift.amount.currency,
      gift.requestId ?? null,
    ],
  );
  return rows[0];
}
