import type { Db } from '../db/database.ts';
import { forgetVerdicts } from '../queue/run/verdict-changes.ts';
import { sendByNewJob } from './enqueue.ts';
import { WAITS } from './reopen.ts';
import { acceptProved, endJobs } from './settle.ts';

/** What an attempt found whose change of its delivery came to nothing. */
export interface Found {
  /** In words, for the log. */
  what: string;
  /** The delivery has come to its end: the job has nothing left to do. */
  over: boolean;
}

interface Row {
  status: 'pending' | 'sending' | 'accepted' | 'held' | 'failed';
  claim: string | null;
  jobId: bigint | null;
}

const LOOK = `
  select status, claim, job_id as "jobId" from donations.receipt_deliveries where id = $1 for update`;

/**
 * An attempt's mail was taken, and its delivery is not its any more: others thought that it was lost.
 * What happened is written on the delivery. If it was to be sent again, it is not; if it is being sent
 * or was sent again, the donor gets two, and the delivery says so.
 */
export async function settleLateAnswer(
  db: Db,
  { deliveryId, claim, messageId }: { deliveryId: string; claim: string; messageId: string | null },
): Promise<Found> {
  const mail = messageId === null ? 'a mail' : `mail ${messageId}`;
  const evidence = `${mail} of an attempt that was taken for lost was accepted`;
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<Row>(LOOK, [deliveryId]);
    const [found] = rows;
    if (!found) return { what: `${mail} was accepted, and there is no delivery`, over: true };
    if (found.claim === claim) return { what: `${mail} was recorded meanwhile`, over: true };
    // Another mail of it may be on its way, or was accepted.
    const twice = found.claim !== null && ['sending', 'accepted'].includes(found.status);
    await tx.query(
      `update donations.receipt_deliveries
       set evidence = concat_ws('; ', evidence, $2::text), message_id = coalesce(message_id, $3::text)
       where id = $1`,
      [deliveryId, evidence, messageId],
    );
    if (found.status === 'failed') {
      await tx.query(
        `update donations.receipt_deliveries
         set status = 'accepted', accepted_at = now(), reason = null where id = $1`,
        [deliveryId],
      );
      await endJobs(tx, found.jobId === null ? [] : [found.jobId]);
    } else if (found.status !== 'accepted') await acceptProved(tx, deliveryId);
    return twice
      ? { what: `${evidence}, and another is on its way: the donor may get two`, over: true }
      : { what: evidence, over: true };
  });
}

export interface Overtaken {
  deliveryId: string;
  claim: string;
  jobId: string;
  /** The attempt knows that its mail was not sent. */
  notSent: boolean;
}

/**
 * An attempt that did not send its mail, or cannot know, finds that its delivery is not its any more.
 * If the mail is known to have gone out, the delivery ends here. If others held it because of this
 * attempt, and it knows that nothing was sent, a new job sends it. Otherwise the attempt that holds it decides.
 */
export async function settleOvertaken(
  db: Db,
  { deliveryId, claim, jobId, notSent }: Overtaken,
): Promise<Found> {
  return db.transaction(async (tx) => {
    await acceptProved(tx, deliveryId, { whileSending: true });
    const { rows } = await tx.query<Row>(LOOK, [deliveryId]);
    const [found] = rows;
    if (!found) return { what: `delivery ${deliveryId} is gone`, over: false };
    if (found.status === 'accepted') {
      await endJobs(tx, found.jobId === null ? [] : [found.jobId]);
      return { what: `delivery ${deliveryId} went out, as its evidence says`, over: true };
    }
    if (found.status === 'held' && found.claim === claim && notSent) {
      await endJobs(tx, found.jobId === null ? [] : [found.jobId]);
      await tx.query(`update donations.receipt_deliveries set ${WAITS} where id = $1`, [
        deliveryId,
      ]);
      const job = await sendByNewJob(tx, deliveryId);
      return { what: `delivery ${deliveryId} was held, and goes again by job ${job}`, over: false };
    }
    // Graphile Worker runs the job again by itself.
    if (found.status === 'pending') await forgetVerdicts(tx, `{${jobId}}`);
    return {
      what: `others have decided about delivery ${deliveryId}: it is ${found.status} now`,
      over: false,
    };
  });
}
