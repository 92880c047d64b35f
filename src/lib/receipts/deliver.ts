import type { Db } from '../db/database.ts';
import { groupCommit } from '../db/group-commit.ts';
import type { RowChange } from '../queue/run/recorder.ts';

/** One attempt's wish to send one delivery. The claim is the attempt's own mark. */
export interface ClaimRequest {
  deliveryId: string;
  claim: string;
}

/** What there is to send, or why it is not ours to send. */
export interface ClaimedDelivery {
  /** True when this attempt holds the delivery now, durably, and nobody else may send it. */
  claimed: boolean;
  /** What the delivery was before; undefined when there is none. */
  was: 'pending' | 'sending' | 'accepted' | 'held' | 'failed' | undefined;
  receiptId: string;
  kind: 'original' | 'copy';
  recipient: string;
  /** The receipt's content as it was issued. */
  content: unknown;
}

interface Row {
  claim: string;
  mine: boolean;
  was: ClaimedDelivery['was'] | null;
  receipt_id: string;
  kind: 'original' | 'copy';
  recipient: string;
  content: unknown;
}

const CLAIM = `
  with asked as (
    select * from json_to_recordset($1::json) as a(id text, claim uuid)
  ), claimed as (
    update donations.receipt_deliveries d set status = 'sending', claim = a.claim, claimed_at = now()
    from asked a, donations.receipts r
    where d.id = a.id and d.status in ('pending', 'failed') and r.id = d.receipt_id and r.status = 'issued'
    returning d.id, d.claim
  )
  select a.claim, c.id is not null as mine, d.status as was, d.receipt_id, d.kind, d.recipient, r.content
  from asked a
  left join donations.receipt_deliveries d on d.id = a.id
  left join donations.receipts r on r.id = d.receipt_id
  left join claimed c on c.id = a.id and c.claim = a.claim`;

/**
 * Claims deliveries before they are sent: the claim is committed before any mail goes out, so that a
 * delivery found claimed and not finished is known to be of unknown outcome. Claims of jobs that
 * run at the same time are made together.
 */
export function createClaimer(db: Db): (request: ClaimRequest) => Promise<ClaimedDelivery> {
  return groupCommit(async (requests: ClaimRequest[]) => {
    const asked = requests.map(({ deliveryId, claim }) => ({ id: deliveryId, claim }));
    const { rows } = await db.query<Row>(CLAIM, [JSON.stringify(asked)], 'claim_deliveries');
    const byClaim = new Map(rows.map((row) => [row.claim, row]));
    return requests.map(({ claim }) => {
      const row = byClaim.get(claim);
      return {
        claimed: row?.mine ?? false,
        was: row?.was ?? undefined,
        receiptId: row?.receipt_id ?? '',
        kind: row?.kind ?? 'original',
        recipient: row?.recipient ?? '',
        content: row?.content,
      };
    });
  });
}

/** The provider took the mail. */
export const acceptDelivery = (row: {
  id: string;
  claim: string;
  message_id: string | null;
}): RowChange => ({ sql: ACCEPT, row });

/** The mail is known not to have been sent, and may go again. */
export const releaseDelivery = (row: { id: string; claim: string }): RowChange => ({
  sql: RELEASE,
  row,
});

/** The mail cannot be sent. */
export const failDelivery = (row: { id: string; reason: string }): RowChange => ({
  sql: FAIL,
  row,
});

/** The mail may have been sent. */
export const holdDelivery = (row: { id: string; reason: string }): RowChange => ({
  sql: HOLD,
  row,
});

/** The mail may have been sent, and goes again because the operator's policy says so. */
export const reopenDelivery = (row: { id: string }): RowChange => ({ sql: REOPEN, row });

const ACCEPT = `
  update donations.receipt_deliveries d set
    status = 'accepted', accepted_at = now(), message_id = a.message_id, reason = null
  from json_to_recordset($1::json) as a(id text, claim uuid, message_id text)
  where d.id = a.id and d.claim = a.claim and d.status in ('sending', 'held')`;

const RELEASE = `
  update donations.receipt_deliveries d set status = 'pending', claim = null, claimed_at = null
  from json_to_recordset($1::json) as a(id text, claim uuid)
  where d.id = a.id and d.claim = a.claim and d.status = 'sending'`;

const FAIL = `
  update donations.receipt_deliveries d set status = 'failed', reason = a.reason
  from json_to_recordset($1::json) as a(id text, reason text)
  where d.id = a.id and d.status in ('pending', 'sending')`;

const HOLD = `
  update donations.receipt_deliveries d set status = 'held', reason = a.reason
  from json_to_recordset($1::json) as a(id text, reason text)
  where d.id = a.id and d.status = 'sending'`;

const REOPEN = `
  update donations.receipt_deliveries d set status = 'pending', claim = null, claimed_at = null
  from json_to_recordset($1::json) as a(id text)
  where d.id = a.id and d.status in ('sending', 'held')`;
