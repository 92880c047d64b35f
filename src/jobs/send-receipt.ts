import { z } from 'zod';
import type { Config } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { type ErrorClass, ProviderError } from '../lib/providers/errors.ts';
import type { MailGateway } from '../lib/providers/mail.ts';
import type { FailureClass, Verdict } from '../lib/queue/policy.ts';
import type { RowChange } from '../lib/queue/run/recorder.ts';
import { parseReceiptContent } from '../lib/receipts/content.ts';
import {
  acceptDelivery,
  acceptedMail,
  type Claimed,
  createClaimer,
  failDelivery,
  failWaitingDelivery,
  type Held,
  holdDelivery,
  ifClaimed,
  isRelease,
  letGo,
  releaseDelivery,
  reopenDelivery,
} from '../lib/receipts/deliver.ts';
import { settleProved } from '../lib/receipts/evidence.ts';
import { KeptTemplates } from '../lib/receipts/kept-templates.ts';
import { createPdfMaker } from '../lib/receipts/make-pdf.ts';
import { attachesPdf, dynamicTemplateOf, receiptMessage } from '../lib/receipts/message.ts';
import { settleLateAnswer, settleOvertaken } from '../lib/receipts/missed.ts';
import { type ReceiptTemplates, templatesFor } from '../lib/receipts/templates.ts';
import { type Attempt, TakenOver, type Task } from './task.ts';

export interface SendReceiptDeps {
  db: Db;
  mail: MailGateway;
  config: Config;
  templates: ReceiptTemplates;
}

/** E-mails a receipt: claims its delivery, sends the mail once, records the message id. */
export function sendReceipt({
  db,
  mail,
  config,
  templates,
}: SendReceiptDeps): Task<'send_receipt'> {
  const claim = createClaimer(db);
  const kept = new KeptTemplates(db);
  const makePdf = createPdfMaker(templates.format);
  // The result of each attempt's claim, for the case that the attempt fails; undefined before.
  const claims = new WeakMap<Attempt, Claimed>();
  return {
    callsInSlot: true,
    payload: z.object({ donation_id: z.string(), delivery_id: z.string() }),
    async run({ delivery_id, donation_id }, attempt) {
      const claimed = await claim({ deliveryId: delivery_id, claim: attempt.id });
      claims.set(attempt, claimed);
      if (claimed.result === 'proved') {
        await settleProved(db, delivery_id);
        return { outcome: 'succeeded' };
      }
      if (claimed.result !== 'claimed') return notOurs(claimed, delivery_id, donation_id);
      const content = parseReceiptContent(claimed.content);
      // A copy uses the templates of the original, not the present ones.
      const written = claimed.template ? await kept.find(claimed.template) : undefined;
      const template = dynamicTemplateOf(content, config)
        ? null
        : await kept.keep(written ?? templatesFor(content, templates));
      const copy = claimed.kind === 'copy';
      const message = receiptMessage({
        content,
        templates,
        written,
        config,
        recipient: claimed.recipient,
        copy,
        pdf: attachesPdf(content, config) ? await makePdf([{ content, copy }]) : undefined,
        ids: { receiptId: claimed.receiptId, donationId: donation_id, deliveryId: delivery_id },
      });
      // Since the claim this worker may have lost its lease, and another one may have sent the
      // mail.
      const { messageId, httpStatus } = await attempt
        .call(() => mail.send(message))
        .catch(async (error) => {
          if (error instanceof TakenOver)
            await letGo(db, { id: delivery_id, claim: attempt.id }).catch(() => {});
          throw error;
        });
      return {
        outcome: 'succeeded',
        requestId: messageId,
        httpStatus,
        changes: [acceptDelivery({ id: delivery_id, claim: attempt.id }, { messageId, template })],
      };
    },
    onFailure({ delivery_id }, attempt, { errorClass, message }, verdict) {
      const claimed = claims.get(attempt);
      const own: Held = { id: delivery_id, claim: attempt.id };
      switch (claimed?.result) {
        case 'taken': {
          const found = { id: delivery_id, claim: claimed.claim };
          return verdict.decision === 'retry'
            ? [reopenDelivery(found)]
            : [holdDelivery(found, message, { found: true })];
        }
        case 'void':
        case 'blocked':
          return claimed.waits ? [failWaitingDelivery(delivery_id, message)] : [];
        case 'missing':
        case 'contended':
          return [];
        case 'claimed':
          return [ownChange(own, errorClass, message, verdict)];
        default:
          return [ifClaimed(ownChange(own, errorClass, message, verdict))];
      }
    },
    onMissed({ delivery_id }, attempt, missed) {
      const sent = missed.map(acceptedMail).find((mail) => mail !== undefined);
      return sent
        ? settleLateAnswer(db, { deliveryId: delivery_id, claim: attempt.id, ...sent })
        : settleOvertaken(db, {
            deliveryId: delivery_id,
            claim: attempt.id,
            jobId: attempt.jobId,
            notSent: missed.some(isRelease),
          });
    },
    onUnrecorded: ({ delivery_id }, attempt, reason) => [
      ifClaimed(holdDelivery({ id: delivery_id, claim: attempt.id }, reason)),
    ],
  };
}

/** The change of a delivery that this attempt has claimed. */
function ownChange(
  own: Held,
  errorClass: FailureClass,
  message: string,
  { decision }: Verdict,
): RowChange {
  switch (decision) {
    case 'hold':
      return holdDelivery(own, message);
    case 'fail':
      return failDelivery(own, message);
    case 'retry':
      return errorClass === 'unknown_outcome' ? reopenDelivery(own) : releaseDelivery(own);
  }
}

/**
 * Handles a delivery that this attempt must not send: it is done already, or an earlier attempt
 * started to send it and its outcome is unknown.
 */
function notOurs(
  claimed: Exclude<Claimed, { result: 'claimed' | 'proved' }>,
  deliveryId: string,
  donationId: string,
): { outcome: 'succeeded' } {
  switch (claimed.result) {
    case 'accepted':
      return { outcome: 'succeeded' };
    case 'taken':
      throw notSent(
        'unknown_outcome',
        'interrupted',
        'an earlier attempt started to send this receipt, and its outcome is unknown',
      );
    case 'contended':
      throw notSent('transient', 'contended', `another attempt is sending delivery ${deliveryId}`);
    case 'void':
      throw notSent(
        'permanent',
        'void',
        `the receipt of delivery ${deliveryId} is void: ${claimed.why}`,
      );
    case 'blocked':
      throw notSent(
        'permanent',
        'address_blocked',
        `the receipt of donation ${donationId} was not sent: ${claimed.why}`,
      );
    case 'missing':
      throw notSent('permanent', 'missing', `there is no delivery ${deliveryId}`);
  }
}

const notSent = (errorClass: ErrorClass, code: string, message: string) =>
  new ProviderError({ provider: 'sendgrid', errorClass, code, message });
