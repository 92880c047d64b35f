import { recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { UserError } from '../errors.ts';
import { sendByNewJobs } from './enqueue.ts';
import {
  aboutReceipt,
  type Delivery,
  loadReceipt,
  lockReceipts,
  type Receipt,
} from './find-receipt.ts';
import { reopenHeld } from './reopen.ts';
import { type Decision, underWay } from './resend.ts';
import { acceptHeld, endJobs } from './settle.ts';

export interface Resolution extends Decision {
  /** `sent`: nothing more is sent. `resend`: it goes out, although it may have before. */
  outcome: 'sent' | 'resend';
  /** Send it although the donor got a copy meanwhile. */
  force?: boolean | undefined;
}

/**
 * Settles a held delivery by a person's decision: it was sent, or it is to be sent (again).
 *
 * @throws UserError `failed` when nothing of the receipt is held, `confirmation_needed` when it is to
 * be sent although another delivery of the receipt went out since or is under way.
 */
export async function resolveDelivery(
  db: Db,
  receipt: Receipt,
  { outcome, force = false, ...decision }: Resolution,
): Promise<Delivery> {
  return db.transaction(async (tx) => {
    // One decision after the other, also with those who send a copy.
    await lockReceipts(tx, [receipt.id]);
    const now = await loadReceipt(tx, receipt.id);
    const held = findHeld(receipt);
    if (outcome === 'resend') refuseToResend(now, held, force);
    const changed =
      outcome === 'sent'
        ? await acceptHeld(tx, [held.id], saysSent(decision.actor))
        : await sendHeldAgain(tx, [held.id]);
    // Evidence or another operator may have settled it since it was looked up.
    if (changed === 0)
      throw new UserError(
        'try_again',
        `delivery ${held.id} was settled meanwhile`,
        `See it: donations receipts show ${receipt.number}`,
        aboutReceipt(receipt),
      );
    await recordAudit(tx, {
      ...decision,
      action: 'receipts.resolve',
      subject: receipt.id,
      detail: { delivery: held.id, number: receipt.number, outcome, ...(force ? { force } : {}) },
    });
    return held;
  });
}

/** The evidence of a person. */
export const saysSent = (actor: string): string => `${actor} says that it was sent`;

/**
 * Refuses a decision about a receipt as it is now.
 * @throws UserError as `resolveDelivery`.
 */
export function refuseToResolve(
  receipt: Receipt,
  { outcome, force = false }: Pick<Resolution, 'outcome' | 'force'>,
): void {
  const held = findHeld(receipt);
  if (outcome === 'resend') refuseToResend(receipt, held, force);
}

function refuseToResend(receipt: Receipt, held: Delivery, force: boolean): void {
  refuseVoid(receipt);
  if (!force) refuseOneTooMany(receipt, held);
}

function findHeld(receipt: Receipt): Delivery {
  const { number, deliveries } = receipt;
  const held = deliveries.find(({ status }) => status === 'held');
  if (held) return held;
  const last = deliveries.at(-1);
  throw new UserError(
    'failed',
    `receipt ${number} is not held${last ? `: it is ${last.status}` : ''}`,
    `To send it again: donations receipts resend ${number}`,
    aboutReceipt(receipt),
  );
}

function refuseVoid(receipt: Receipt): void {
  const { number, status } = receipt;
  if (status !== 'void') return;
  throw new UserError(
    'failed',
    `receipt ${number} is void: it is not sent any more`,
    `To end its delivery: donations receipts resolve ${number} --sent`,
    aboutReceipt(receipt),
  );
}

/** The donor has another delivery of the receipt, or is about to get one. */
function refuseOneTooMany(receipt: Receipt, held: Delivery): void {
  const { number, deliveries } = receipt;
  const others = deliveries.filter(({ id }) => id !== held.id);
  const since = others.find(
    ({ acceptedAt }) => acceptedAt && acceptedAt > (held.claimedAt ?? held.createdAt),
  );
  const other = since ?? underWay(others);
  if (!other) return;
  throw new UserError(
    'confirmation_needed',
    `receipt ${number} ${since ? 'has gone' : 'is on its way'} to ${other.recipient} as a ${other.kind} since`,
    `If that is enough: donations receipts resolve ${number} --sent. To send one more: add --force to --resend.`,
    aboutReceipt(receipt),
  );
}

/**
 * Sends held deliveries again by new jobs, in the caller's transaction.
 * @returns how many: those that were settled meanwhile are not sent.
 */
export async function sendHeldAgain(tx: Queryable, held: string[]): Promise<number> {
  const reopened = await reopenHeld(tx, held);
  await endJobs(
    tx,
    reopened.flatMap(({ jobId }) => jobId ?? []),
  );
  await sendByNewJobs(
    tx,
    reopened.map(({ id }) => id),
  );
  return reopened.length;
}
