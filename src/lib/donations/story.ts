import { aboutDonations } from '../audit/about.ts';
import { type Decision, decisionsAbout } from '../audit/decisions.ts';
import type { Queryable } from '../db/database.ts';
import { formatMoney } from '../money.ts';
import { keysOfDonation, sendKey } from '../queue/keys.ts';
import { findJobsByKey, type QueuedJob } from '../queue/read/by-key.ts';
import { type Donation, loadDonation } from './donation.ts';

/** One event in the history of a donation. */
export interface StoryEvent {
  at: Date;
  what:
    | 'recorded'
    | 'attempt'
    | 'settled'
    | 'card_saved'
    | 'receipt'
    | 'delivery'
    | 'decision'
    | 'refund'
    | 'dispute';
  text: string;
  task?: string;
  job?: string;
  attempt?: number;
  outcome?: string;
  durationMs?: number;
  latencyMs?: number;
  errorClass?: string;
  httpStatus?: number;
  requestId?: string;
  nextRunAt?: Date;
  /** Of a decision: who, what, why, and its audit entry. */
  decision?: Pick<Decision, 'id' | 'actor' | 'action' | 'reason'>;
}

export interface StoryReceipt {
  id: string;
  number: string;
  status: string;
  deliveries: {
    id: string;
    kind: string;
    channel: string;
    status: string;
    recipient: string;
    messageId: string | undefined;
    reason: string | undefined;
    evidence: string | undefined;
  }[];
}

/** All facts about one donation. */
export interface Story {
  donation: Donation;
  receipts: StoryReceipt[];
  /** How many mails with its receipts went out, and how many more may have. */
  mails: { sent: number; maybeSent: number };
  /** What is still to come. */
  jobs: QueuedJob[];
  events: StoryEvent[];
}

/**
 * Collects the history of a donation in order of time: charge, token, receipt, attempts, decisions
 * of people.
 */
export async function tellStory(db: Queryable, donationId: string): Promise<Story> {
  const donation = await loadDonation(db, donationId);
  const deliveries = await loadDeliveries(db, donationId);
  const receipts = groupReceipts(deliveries);
  const ids = deliveries.map((row) => row.delivery_id).filter((id) => id !== null);
  const jobs = await findJobsByKey(db, [...keysOfDonation(donationId), ...ids.map(sendKey)]);
  const tried = await attempts(db, donationId);
  const about = await aboutDonations(db, [donationId]);
  const events = [
    ...donationEvents(donation),
    ...receiptEvents(deliveries),
    ...tried,
    ...(await decisionsAbout(db, about, donation.createdAt)).map(toEvent),
    ...(await refunds(db, donationId)),
  ];
  events.sort((a, b) => a.at.getTime() - b.at.getTime());
  return { donation, receipts, mails: countMails(receipts, tried), jobs, events };
}

function donationEvents(donation: Donation): StoryEvent[] {
  const events: StoryEvent[] = [
    { at: donation.createdAt, what: 'recorded', text: 'donation recorded' },
  ];
  if (donation.settledAt && donation.status !== 'failed') {
    events.push({
      at: donation.settledAt,
      what: 'settled',
      text: donation.charge
        ? `charged: ${donation.charge.paymentIntentId}`
        : `given by ${donation.method}`,
    });
  }
  if (donation.settledAt && donation.status === 'failed') {
    events.push({
      at: donation.settledAt,
      what: 'settled',
      text: `not charged: ${donation.charge?.failure?.reason ?? ''} (${donation.charge?.failure?.code})`,
    });
  }
  if (donation.charge?.cardSavedAt) {
    const { card, cardSavedAt } = donation.charge;
    events.push({
      at: cardSavedAt,
      what: 'card_saved',
      text: `card saved${card ? `: ${card.brand} ending in ${card.last4}` : ''}`,
    });
  }
  return events;
}

interface DeliveryRow {
  receipt_id: string;
  number: string;
  receipt_status: string;
  issued_at: Date;
  delivery_id: string | null;
  kind: string;
  channel: string;
  status: string;
  recipient: string;
  message_id: string | null;
  reason: string | null;
  evidence: string | null;
  accepted_at: Date | null;
}

async function loadDeliveries(db: Queryable, donationId: string): Promise<DeliveryRow[]> {
  const { rows } = await db.query<DeliveryRow>(
    `select r.id as receipt_id, r.label as number, r.status as receipt_status,
       r.created_at as issued_at, d.id as delivery_id, d.kind, d.channel, d.status, d.recipient, d.message_id,
       d.reason, d.evidence, d.accepted_at
     from donations.receipt_donations c join donations.receipts r on r.id = c.receipt_id
     left join donations.receipt_deliveries d on d.receipt_id = r.id
     where c.donation_id = $1 and c.kind <> 'annual' order by r.created_at, d.created_at`,
    [donationId],
  );
  return rows;
}

function groupReceipts(rows: DeliveryRow[]): StoryReceipt[] {
  const receipts = new Map<string, StoryReceipt>();
  for (const row of rows) {
    let receipt = receipts.get(row.receipt_id);
    if (!receipt) {
      receipt = {
        id: row.receipt_id,
        number: row.number,
        status: row.receipt_status,
        deliveries: [],
      };
      receipts.set(row.receipt_id, receipt);
    }
    if (!row.delivery_id) continue;
    receipt.deliveries.push({
      id: row.delivery_id,
      kind: row.kind,
      channel: row.channel,
      status: row.status,
      recipient: row.recipient,
      messageId: row.message_id ?? undefined,
      reason: row.reason ?? undefined,
      evidence: row.evidence ?? undefined,
    });
  }
  return [...receipts.values()];
}

function receiptEvents(rows: DeliveryRow[]): StoryEvent[] {
  const issued = new Map(rows.map((row) => [row.receipt_id, row]));
  return [
    ...[...issued.values()].map(
      (row): StoryEvent => ({
        at: row.issued_at,
        what: 'receipt',
        text: `receipt ${row.number} issued`,
      }),
    ),
    ...rows.flatMap((row): StoryEvent[] =>
      row.accepted_at
        ? [
            {
              at: row.accepted_at,
              what: 'delivery',
              text: `receipt ${row.number}${row.kind === 'copy' ? ' (copy)' : ''} accepted for ${row.recipient}${
                row.evidence ? `: ${row.evidence}` : ''
              }`,
              ...(row.message_id ? { requestId: row.message_id } : {}),
            },
          ]
        : [],
    ),
  ];
}

interface LedgerRow {
  job_id: bigint;
  task: string;
  attempt: number;
  started_at: Date;
  latency_ms: number;
  duration_ms: number;
  outcome: string;
  error_class: string | null;
  error_message: string | null;
  http_status: number | null;
  request_id: string | null;
  next_run_at: Date | null;
}

async function attempts(db: Queryable, donationId: string): Promise<StoryEvent[]> {
  const { rows } = await db.query<LedgerRow>(
    `select job_id, task, attempt, started_at, latency_ms, duration_ms, outcome, error_class, error_message,
       http_status, request_id, next_run_at
     from donations.job_attempts where donation_id = $1 order by started_at, id`,
    [donationId],
  );
  return rows.map((row) => ({
    at: row.started_at,
    what: 'attempt',
    text: `${row.task} attempt ${row.attempt}: ${row.outcome}${row.error_message ? `: ${row.error_message}` : ''}`,
    task: row.task,
    job: row.job_id.toString(),
    attempt: row.attempt,
    outcome: row.outcome,
    durationMs: row.duration_ms,
    latencyMs: row.latency_ms,
    ...(row.error_class ? { errorClass: row.error_class } : {}),
    ...(row.http_status ? { httpStatus: row.http_status } : {}),
    ...(row.request_id ? { requestId: row.request_id } : {}),
    ...(row.next_run_at ? { nextRunAt: row.next_run_at } : {}),
  }));
}

const toEvent = ({ id, at, actor, host, action, reason, words }: Decision): StoryEvent => ({
  at,
  what: 'decision',
  text: `${actor}@${host} ${words}${reason ? `: ${reason}` : ''}`,
  decision: { id, actor, action, reason },
});

/**
 * Each accepted delivery is a mail. Each attempt whose outcome is unknown may be one more, unless
 * evidence or a person has said since that it was the one that was accepted.
 */
function countMails(receipts: StoryReceipt[], tried: StoryEvent[]): Story['mails'] {
  const accepted = receipts
    .flatMap(({ deliveries }) => deliveries)
    .filter(({ status, channel }) => status === 'accepted' && channel === 'email');
  const byEvidence = accepted.filter(({ evidence }) => evidence !== undefined).length;
  const unknown = tried.filter(
    ({ task, outcome, errorClass }) =>
      task === 'send_receipt' &&
      (outcome === 'held' || outcome === 'abandoned' || errorClass === 'unknown_outcome'),
  ).length;
  return { sent: accepted.length, maybeSent: Math.max(0, unknown - byEvidence) };
}

/** Refunds and disputes. */
async function refunds(db: Queryable, donationId: string): Promise<StoryEvent[]> {
  const { rows } = await db.query<{
    at: Date;
    what: 'refund' | 'dispute';
    minor: bigint;
    currency: string;
    said: string;
  }>(
    `select f.recorded_at as at, 'refund' as what, f.amount_minor as minor, d.currency, f.evidence as said
     from donations.refunds f join donations.donations d on d.id = f.donation_id where d.id = $1
     union all
     select p.recorded_at, 'dispute', p.amount_minor, d.currency, p.id || ' ' || p.status
     from donations.disputes p join donations.donations d on d.id = p.donation_id where d.id = $1
     order by at`,
    [donationId],
  );
  return rows.map(({ at, what, minor, currency, said }) => ({
    at,
    what,
    text: `${what === 'refund' ? 'refunded' : 'dispute over'} ${formatMoney({ minor, currency })}: ${said}`,
  }));
}
