import type { Db, Queryable } from '../db/database.ts';
import { GATHERING, groupCommit } from '../db/group-commit.ts';
import type { RowChange } from '../queue/run/recorder.ts';
import { problemWith } from './addresses.ts';
import { MAY_GO_TWICE, WAITS } from './reopen.ts';
import { IS_VOID } from './settle.ts';

/** One attempt's wish to send one delivery. The claim is the attempt's own mark. */
export interface ClaimRequest {
  deliveryId: string;
  claim: string;
}

/** What came of a claim. */
export type Claimed =
  /** This attempt holds the delivery now, durably, and no other attempt may send it. */
  | {
      result: 'claimed';
      receiptId: string;
      kind: 'original' | 'copy';
      recipient: string;
      /** The receipt's content as it was issued. */
      content: unknown;
      /** Of a copy: the hash of the templates that the receipt was sent with. */
      template: string | null;
    }
  /** It went out already. */
  | { result: 'accepted' }
  /** An earlier mail of it went out, as its evidence says; that is not settled yet. */
  | { result: 'proved' }
  /** Another attempt has begun to send it; its claim, if one is on record. */
  | { result: 'taken'; claim: string | null }
  /** Its receipt is void. `waits`: it is pending, and must not be. */
  | { result: 'void'; why: string; waits: boolean }
  /** Its address gets no mail, for this reason. */
  | { result: 'blocked'; why: string; waits: boolean }
  | { result: 'missing' }
  /** Others took it and let it go each time that this attempt looked. */
  | { result: 'contended' };

interface Row {
  asked: string;
  mine: boolean;
  status: 'pending' | 'sending' | 'accepted' | 'held' | 'failed' | null;
  holder: string | null;
  isProved: boolean;
  /** Why its receipt is void. */
  voidReason: string | null;
  blocked: string | null;
  receiptId: string;
  kind: 'original' | 'copy';
  recipient: string;
  content: unknown;
  template: string | null;
}

const CLAIM = `
  with asked as (
    select * from unnest($1::text[], $2::uuid[]) as a(id, claim)
  ), claimed as (
    update donations.receipt_deliveries d
    set status = 'sending', claim = a.claim, claimed_at = now(), reason = null
    from asked a, donations.receipts r
    where d.id = a.id and d.status in ('pending', 'failed') and d.evidence is null
      -- After a wait for a transaction that voids the receipt, Postgres reads the delivery again, but
      -- not the receipt.
      and d.reason is distinct from '${IS_VOID}'
      and r.id = d.receipt_id and r.status = 'issued'
      and (d.forced or not exists (
        select 1 from donations.address_problems p where p.email = lower(d.recipient)))
    returning d.id, d.claim
  )
  select a.claim as asked, c.id is not null as mine, d.status, d.claim as holder,
    d.evidence is not null as "isProved", r.void_reason as "voidReason",
    case when not d.forced then ${problemWith('d.recipient')} end as blocked, d.receipt_id as "receiptId",
    d.kind, d.recipient, r.content,
    case when d.kind = 'copy' then (
      select o.template from donations.receipt_deliveries o
      where o.receipt_id = d.receipt_id and o.template is not null
      order by o.accepted_at limit 1) end as template
  from asked a
  left join donations.receipt_deliveries d on d.id = a.id
  left join donations.receipts r on r.id = d.receipt_id
  left join claimed c on c.id = a.id and c.claim = a.claim`;

// The loser of a race reads the delivery as it was before the race. It looks again, in a statement of
// its own, until what it reads is true after it.
const LOOKS = 5;

/**
 * Claims deliveries before they are sent: the claim is committed before any mail goes out, so that a
 * delivery found claimed and not finished is known to be of unknown outcome. Claims of jobs that
 * run at the same time are made together.
 */
export function createClaimer(db: Db): (request: ClaimRequest) => Promise<Claimed> {
  return groupCommit(async (requests: ClaimRequest[]) => {
    const results = new Map<string, Claimed>();
    for (let look = 0; look < LOOKS && results.size < requests.length; look++) {
      const asked = requests.filter(({ claim }) => !results.has(claim));
      const { rows } = await db.query<Row>(
        CLAIM,
        [asked.map(({ deliveryId }) => deliveryId), asked.map(({ claim }) => claim)],
        'claim_deliveries',
      );
      for (const row of rows) {
        const result = read(row);
        if (result) results.set(row.asked, result);
      }
    }
    return requests.map(({ claim }) => results.get(claim) ?? { result: 'contended' });
  }, GATHERING);
}

/** What a look says; undefined when the delivery was taken between its snapshot and its claim. */
function read(row: Row): Claimed | undefined {
  if (row.status === null) return { result: 'missing' };
  if (row.mine) {
    const { receiptId, kind, recipient, content, template } = row;
    return { result: 'claimed', receiptId, kind, recipient, content, template };
  }
  if (row.status === 'accepted') return { result: 'accepted' };
  if (row.isProved) return { result: 'proved' };
  if (row.status === 'sending' || row.status === 'held')
    return { result: 'taken', claim: row.holder };
  const waits = row.status === 'pending';
  if (row.voidReason !== null) return { result: 'void', why: row.voidReason, waits };
  return row.blocked === null ? undefined : { result: 'blocked', why: row.blocked, waits };
}

/** A delivery, and the claim that the change belongs to. */
export interface Held {
  id: string;
  claim: string | null;
}

/** A change of one delivery under one claim. It is an error when it changes no row. */
const change = (sql: string, { id, claim }: Held, rest: object = {}): RowChange => ({
  sql,
  row: { id, claim, ...rest },
  meant: `${id} ${claim}`,
});

/**
 * SQL: the rows of a change. Postgres expects a hundred rows of a JSON array, for which it would read
 * the whole of a small table. With the second condition, it looks each delivery up.
 */
const given = (columns: string) =>
  `(select * from json_to_recordset($1::json) as r(${columns}) where id like 'dlv%') a`;

/** SQL: which change it was. */
const CHANGED = `returning concat(a.id, ' ', coalesce(a.claim::text, 'null')) as changed`;

/**
 * The provider accepted the mail of this claim. This is true whatever was decided meanwhile. A claim
 * of another attempt does not change.
 */
export const acceptDelivery = (
  held: Held,
  { messageId, template }: { messageId: string | undefined; template: string | null },
): RowChange => change(ACCEPT, held, { message_id: messageId ?? null, template });
const ACCEPT = `
  update donations.receipt_deliveries d set status = 'accepted',
    accepted_at = coalesce(d.accepted_at, now()), message_id = coalesce(a.message_id, d.message_id),
    template = a.template, reason = null
  from ${given('id text, claim uuid, message_id text, template text')}
  where d.id = a.id and d.claim = a.claim
  ${CHANGED}`;

/** The message id of a change that accepts a delivery; undefined for any other change. */
export const acceptedMail = ({ sql, row }: RowChange): { messageId: string | null } | undefined =>
  sql === ACCEPT ? { messageId: row.message_id as string | null } : undefined;

/** Whether a change says that the mail was not sent and may go again. */
export const isRelease = ({ sql }: RowChange): boolean => sql === RELEASE;

/** The same change, for a claim that may not have reached Postgres: it may change no row. */
export const ifClaimed = ({ sql, row }: RowChange): RowChange => ({ sql, row });

/** The mail of this claim is known not to have been sent, and may go again. */
export const releaseDelivery = (held: Held): RowChange => change(RELEASE, held);
const RELEASE = `
  update donations.receipt_deliveries d set ${WAITS}
  from ${given('id text, claim uuid')}
  where d.id = a.id and d.claim = a.claim and d.status in ('sending', 'pending')
    and d.evidence is null
  ${CHANGED}`;

/** The mail of this claim is known not to have been sent, and never will be. */
export const failDelivery = (held: Held, reason: string): RowChange =>
  change(FAIL, held, { reason });
const FAIL = `
  update donations.receipt_deliveries d set status = 'failed', reason = a.reason
  from ${given('id text, claim uuid, reason text')}
  where d.id = a.id and d.claim = a.claim and d.status in ('sending', 'pending')
    and d.evidence is null
  ${CHANGED}`;

/**
 * A waiting delivery that no attempt may claim, because its receipt is void or its address gets no
 * mail. So it has no claim.
 */
export const failWaitingDelivery = (id: string, reason: string): RowChange => ({
  sql: FAIL_WAITING,
  row: { id, reason },
  meant: id,
});
const FAIL_WAITING = `
  update donations.receipt_deliveries d set status = 'failed', reason = a.reason
  from ${given('id text, reason text')}
  where d.id = a.id and d.status = 'pending'
  returning a.id as changed`;

/**
 * The mail of this claim may have been sent.
 * @param found true when the claim is another attempt's, whose own reason is kept.
 */
export const holdDelivery = (held: Held, reason: string, { found = false } = {}): RowChange =>
  change(HOLD, held, { reason, found });
const HOLD = `
  update donations.receipt_deliveries d set status = 'held',
    reason = case when a.found then coalesce(d.reason, a.reason) else a.reason end
  from ${given('id text, claim uuid, reason text, found boolean')}
  where d.id = a.id and d.claim is not distinct from a.claim and d.status in ('sending', 'held')
    and d.evidence is null
  ${CHANGED}`;

/**
 * The mail of this claim may have been sent, and goes again because the operator's policy says so.
 * The claim stays: its attempt may be alive, and its answer ends the wait.
 */
export const reopenDelivery = (held: Held): RowChange => change(REOPEN, held);
const REOPEN = `
  update donations.receipt_deliveries d set ${MAY_GO_TWICE}
  from ${given('id text, claim uuid')}
  where d.id = a.id and d.claim is not distinct from a.claim and d.status in ('sending', 'held')
    and d.evidence is null
  ${CHANGED}`;

/**
 * Releases a claim under which nothing was sent, because another worker has the job. If this fails,
 * the delivery is held.
 */
export async function letGo(db: Db, { id, claim }: Held): Promise<void> {
  await db.query(
    `update donations.receipt_deliveries d set ${WAITS}
     where id = $1 and claim = $2 and status = 'sending' and evidence is null`,
    [id, claim],
  );
}

/**
 * Holds the deliveries that these jobs were sending when they ended for good: their worker was lost
 * in the last attempt. If the worker is alive after all, its answer still ends the wait.
 *
 * @returns the jobs of the deliveries that are held now.
 */
export async function holdUnfinished(db: Queryable, jobIds: string[]): Promise<string[]> {
  const { rows } = await db.query<{ job: string }>(
    `update donations.receipt_deliveries set status = 'held',
       reason = 'its job ended while the mail was being sent; the mail may have been sent'
     where job_id = any ($1::bigint[]) and status = 'sending' and evidence is null
     returning job_id::text as job`,
    [jobIds],
  );
  return rows.map(({ job }) => job);
}
