import { recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import type { DonationStatus } from '../donations/donation.ts';
import { notFound, UserError } from '../errors.ts';
import { type GiftFacts, loadGiftFacts } from './facts.ts';
import { type IssuedReceipt, issueReceipts } from './issue.ts';
import type { GiftReceiptKind } from './kinds/choose.ts';
import type { Decision } from './resend.ts';

export interface IssueRequest extends Decision {
  kind: GiftReceiptKind;
  /** Whether it is sent to the donor. */
  mailed: boolean;
}

/**
 * Issues the receipt that a donation lacks, because a person asks for it.
 *
 * @throws UserError `not_found` when there is no such donation; `failed` when it is not paid, has a
 * receipt of the kind, or its donor cannot be mailed.
 */
export async function issueByHand(
  db: Db,
  donationId: string,
  { kind, mailed, ...decision }: IssueRequest,
): Promise<IssuedReceipt> {
  return db.transaction(async (tx) => {
    const { rowCount } = await tx.query('select 1 from donations.donations where id = $1', [
      donationId,
    ]);
    // A job can name a donation that is not in this database.
    if (rowCount === 0) throw notFound(`no donation ${donationId}`);
    const gift = await loadGiftFacts(tx, donationId, { lock: true });
    refuseIneligible(kind, gift);
    const live = await findLive(tx, donationId, kind);
    if (live) {
      throw new UserError(
        'failed',
        `donation ${donationId} has receipt ${live}`,
        `To send that one again: donations receipts resend ${live}`,
      );
    }
    if (mailed) refuseUnmailable(gift);
    const [issued] = await issueReceipts(tx, [{ gift, mailed, kind }]);
    await recordAudit(tx, {
      ...decision,
      action: 'receipts.issue',
      subject: issued?.receiptId,
      detail: { donation: donationId, number: issued?.number, kind },
    });
    return issued as IssuedReceipt;
  });
}

// What was given back in part is acknowledged for the rest.
const ELIGIBLE: Record<GiftReceiptKind, DonationStatus[]> = {
  donation: ['succeeded', 'partly_refunded', 'disputed'],
  refund: ['partly_refunded', 'refunded'],
};

/** @throws UserError `failed` when a receipt of this kind would acknowledge nothing. */
export function refuseIneligible(kind: GiftReceiptKind, { id, status }: GiftFacts): void {
  if (ELIGIBLE[kind].includes(status)) return;
  throw new UserError(
    'failed',
    kind === 'refund'
      ? `donation ${id} is ${status}: nothing of it was given back`
      : `donation ${id} is ${status.replace('_', ' ')}: there is nothing to acknowledge`,
    `See it: donations show ${id}`,
  );
}

/** @throws UserError `failed` when the donor has no address, or does not want mail. */
export function refuseUnmailable({ id, donor }: GiftFacts): void {
  const why =
    donor.email === null
      ? 'has no e-mail address'
      : donor.mayBeMailed
        ? undefined
        : 'does not want to be mailed';
  if (!why) return;
  throw new UserError(
    'failed',
    `the donor of ${id} ${why}`,
    'To issue the receipt and send nothing: add --no-mail',
  );
}

/** The number of the donation's live receipt of a kind. */
export async function findLive(
  tx: Queryable,
  donationId: string,
  kind: GiftReceiptKind,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ label: string }>(
    `select r.label from donations.receipt_donations c join donations.receipts r on r.id = c.receipt_id
     where c.donation_id = $1 and c.kind = $2 and c.live`,
    [donationId, kind],
  );
  return rows[0]?.label;
}
