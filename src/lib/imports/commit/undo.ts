import { type Actor, recordAudit } from '../../audit/record.ts';
import type { Db, Queryable } from '../../db/database.ts';
import { likeId } from '../../db/match.ts';
import { notFound, UserError } from '../../errors.ts';
import { voidReceiptsOf } from '../../receipts/void-many.ts';

/** What an undo takes back, and what prevents it. */
export interface UndoPlan {
  batch: string;
  name: string;
  status: 'open' | 'committed' | 'undone';
  gifts: number;
  /** Gifts on which something was built, with what: they are not taken back. */
  refused: { donation: string; line: number; why: string }[];
  refusedCount: number;
  /** Receipts that have to be voided first. */
  receipts: { number: string; donation: string; sent: boolean }[];
  receiptCount: number;
}

const SHOWN = 100;

/** A million gifts are taken back in one statement. */
const LIMITS = { statementTimeoutMs: 60 * 60_000 };

// What was built on a gift since, other than receipts.
const BUILT = `
  select i.donation_id, i.line, case
    when d.status <> 'succeeded' then 'it is ' || d.status
    when exists (select from donations.refunds r where r.donation_id = d.id) then 'it was refunded'
    when exists (select from donations.disputes q where q.donation_id = d.id) then 'it is disputed'
    when exists (select from donations.charges c where c.donation_id = d.id) then 'it was charged'
    end as why
  from donations.import_rows i join donations.donations d on d.id = i.donation_id where i.batch_id = $1`;

const LIVE_RECEIPTS = `
  select r.id, r.label as number, rd.donation_id as donation, exists (
    select from donations.receipt_deliveries v where v.receipt_id = r.id and v.status not in ('pending', 'failed')) as sent,
    r.kind = 'annual' as annual
  from donations.import_rows i join donations.receipt_donations rd on rd.donation_id = i.donation_id and rd.live
  join donations.receipts r on r.id = rd.receipt_id where i.batch_id = $1`;

/** What undoing a batch would do. @throws UserError `not_found`. */
export async function planUndo(tx: Queryable, batch: string): Promise<UndoPlan> {
  const found = await tx.query<{ id: string; name: string; status: UndoPlan['status'] }>(
    `select id, name, status from donations.batches where id like $1 order by id limit 2`,
    [likeId(batch)],
  );
  const [row, another] = found.rows;
  if (!row || another)
    throw notFound(
      row ? `${batch} fits several imports` : `there is no import ${batch} in the database`,
      row
        ? 'See donations import list.'
        : 'What is only staged made no gift, and needs no undo. See donations import list.',
    );
  const { rows } = await tx.query<{
    gifts: number;
    refused: UndoPlan['refused'] | null;
    refusedCount: number;
    receipts: UndoPlan['receipts'] | null;
    receiptCount: number;
  }>(
    `with built as (select * from (${BUILT}) b where why is not null), live as (${LIVE_RECEIPTS})
     select (select count(*)::int from donations.import_rows where batch_id = $1) as gifts,
       (select json_agg(json_build_object('donation', donation_id, 'line', line, 'why', why)) from
         (select * from built order by line limit ${SHOWN}) b) as refused,
       (select count(*)::int from built) as "refusedCount",
       (select json_agg(json_build_object('number', number, 'donation', donation, 'sent', sent)) from
         (select * from live order by number limit ${SHOWN}) l) as receipts,
       (select count(distinct id)::int from live) as "receiptCount"`,
    [row.id],
  );
  const [sum] = rows;
  return {
    batch: row.id,
    name: row.name,
    status: row.status,
    gifts: sum?.gifts ?? 0,
    refused: sum?.refused ?? [],
    refusedCount: sum?.refusedCount ?? 0,
    receipts: sum?.receipts ?? [],
    receiptCount: sum?.receiptCount ?? 0,
  };
}

export interface Undone {
  /** Gifts taken back. */
  undone: number;
  donors: number;
  voided: number;
  operation: string;
}

/**
 * Takes back all gifts of a batch or none, in one transaction: gifts, and donors and e-mail addresses
 * that it added and nothing else needs. A gift with a voided receipt stays as `void`, since the receipt
 * tells of it.
 * @throws UserError `failed` when something was built on a gift, or a receipt lives and is not to be voided.
 */
export function undoImport(
  db: Db,
  batch: string,
  {
    operator,
    reason,
    voidReceipts,
  }: { operator: Actor; reason: string | undefined; voidReceipts: boolean },
): Promise<Undone> {
  return db.transaction(async (tx) => {
    await tx.query('select from donations.batches where id = $1 for update', [batch]);
    await tx.query(
      `select from donations.donations d join donations.import_rows i on i.donation_id = d.id
       where i.batch_id = $1 for update of d`,
      [batch],
    );
    const plan = await planUndo(tx, batch);
    refuse(plan, voidReceipts);
    const voided =
      plan.receiptCount > 0
        ? await voidReceiptsOf(
            tx,
            'select donation_id from donations.import_rows where batch_id = $1',
            [batch],
            'the import of its gift was undone',
          )
        : 0;
    const undone = plan.gifts;
    await tx.query(
      `with kept as (
         delete from donations.import_rows i where i.batch_id = $1
           and exists (select from donations.receipt_donations rd where rd.donation_id = i.donation_id)
         returning donation_id
       )
       update donations.donations d set status = 'void',
         source_id = case when source_id is not null then source_id || ' (void ' || id || ')' end
       from kept where d.id = kept.donation_id`,
      [batch],
    );
    await tx.query(
      `delete from donations.donations d using donations.import_rows i where i.batch_id = $1 and d.id = i.donation_id`,
      [batch],
    );
    await tx.query(
      `with added as (delete from donations.import_emails where batch_id = $1 returning donor_id, email)
       delete from donations.donor_emails e using added a where e.donor_id = a.donor_id and e.email = a.email`,
      [batch],
    );
    const donors = await tx.query(
      `delete from donations.donors n using donations.import_donors i
       where i.batch_id = $1 and n.id = i.donor_id and n.stripe_customer_id is null
         and not exists (select from donations.donations d where d.donor_id = n.id)
         and not exists (select from donations.soft_credits s where s.donor_id = n.id)
         and not exists (select from donations.gift_aid_declarations g where g.donor_id = n.id)
         and not exists (select from donations.receipts r where r.donor_id = n.id)`,
      [batch],
    );
    await tx.query('delete from donations.import_donors where batch_id = $1', [batch]);
    await tx.query(
      `update donations.batches set status = 'undone', undone_at = now() where id = $1`,
      [batch],
    );
    const operation = await recordAudit(tx, {
      ...operator,
      action: 'import.undo',
      subject: batch,
      reason,
      affected: undone,
      detail: { file: plan.name, donors: donors.rowCount ?? 0, receipts_voided: voided },
    });
    return { undone, donors: donors.rowCount ?? 0, voided, operation };
  }, LIMITS);
}

function refuse(plan: UndoPlan, voidReceipts: boolean): void {
  if (plan.status === 'undone')
    throw new UserError(
      'failed',
      `${plan.batch} was undone before`,
      'There is nothing left of it.',
    );
  if (plan.refusedCount > 0)
    throw new UserError(
      'failed',
      `nothing was undone: on ${plan.refusedCount} of its gifts something was built since`,
      `The first: ${plan.refused[0]?.donation}, ${plan.refused[0]?.why}.`,
    );
  if (plan.receiptCount > 0 && !voidReceipts)
    throw new UserError(
      'failed',
      `nothing was undone: ${plan.receiptCount} receipts were issued for its gifts`,
      'To void them as well: --void-receipts',
    );
}
