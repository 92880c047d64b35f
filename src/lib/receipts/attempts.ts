import type { Queryable } from '../db/database.ts';

/** One attempt to send a receipt of a gift. */
export interface SendAttempt {
  at: Date;
  jobId: string;
  attempt: number;
  outcome: string;
  why: string | null;
  httpStatus: number | null;
  /** The mail provider's own id of the request. */
  requestId: string | null;
}

/** An event of the mail provider about a delivery. */
export interface MailEvent {
  at: Date;
  event: string;
  delivery: string;
}

/** The events of the mail provider about deliveries that are still kept, oldest first. */
export async function listMailEvents(db: Queryable, deliveries: string[]): Promise<MailEvent[]> {
  const { rows } = await db.query<MailEvent>(
    `select received_at as at, type as event, subject as delivery from donations.webhook_events
     where provider = 'sendgrid' and subject = any ($1) order by received_at, key`,
    [deliveries],
  );
  return rows;
}

/** The attempts to send receipts of a donation, as far as the ledger goes back, oldest first. */
export async function listSendAttempts(db: Queryable, donationId: string): Promise<SendAttempt[]> {
  const { rows } = await db.query<SendAttempt>(
    `select started_at as at, job_id::text as "jobId", attempt, outcome, error_message as why,
       http_status as "httpStatus", request_id as "requestId"
     from donations.job_attempts
     where donation_id = $1 and task = 'send_receipt' order by started_at, id`,
    [donationId],
  );
  return rows;
}
