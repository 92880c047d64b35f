import { z } from 'zod';
import type { Config } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { ProviderError } from '../lib/providers/errors.ts';
import type { MailGateway } from '../lib/providers/mail.ts';
import { parseReceiptContent } from '../lib/receipts/content.ts';
import {
  acceptDelivery,
  type ClaimedDelivery,
  createClaimer,
  failDelivery,
  holdDelivery,
  releaseDelivery,
  reopenDelivery,
} from '../lib/receipts/deliver.ts';
import { receiptMessage } from '../lib/receipts/message.ts';
import type { ReceiptTemplates } from '../lib/receipts/templates.ts';
import type { Task } from './task.ts';

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
  return {
    callsInSlot: true,
    payload: z.object({ donation_id: z.string(), delivery_id: z.string() }),
    async run({ delivery_id, donation_id }, attempt) {
      const delivery = await claim({ deliveryId: delivery_id, claim: attempt.id });
      if (!delivery.claimed) return alreadyClaimed(delivery, delivery_id);
      const message = receiptMessage({
        content: parseReceiptContent(delivery.content),
        templates,
        config,
        recipient: delivery.recipient,
        copy: delivery.kind === 'copy',
        ids: { receiptId: delivery.receiptId, donationId: donation_id, deliveryId: delivery_id },
      });
      // Since the claim this worker may have lost its lease, and another one may have sent the
      // mail.
      const { messageId, httpStatus } = await attempt.call(() => mail.send(message));
      return {
        outcome: 'succeeded',
        requestId: messageId,
        httpStatus,
        changes: [
          acceptDelivery({
            id: delivery_id,
            claim: attempt.id,
            message_id: messageId ?? null,
          }),
        ],
      };
    },
    onFailure({ delivery_id }, attempt, { errorClass, message }, verdict) {
      switch (verdict.decision) {
        case 'hold':
          return [holdDelivery({ id: delivery_id, reason: message })];
        case 'fail':
          return [failDelivery({ id: delivery_id, reason: message })];
        case 'retry':
          return errorClass === 'unknown_outcome'
            ? [reopenDelivery({ id: delivery_id })]
            : [releaseDelivery({ id: delivery_id, claim: attempt.id })];
      }
    },
    onUnrecorded: ({ delivery_id }, _attempt, reason) => [
      holdDelivery({ id: delivery_id, reason }),
    ],
  };
}

/**
 * Handles a delivery that this attempt must not send: it is done already, or an earlier attempt
 * started to send it and its outcome is unknown.
 */
function alreadyClaimed({ was }: ClaimedDelivery, deliveryId: string): { outcome: 'succeeded' } {
  switch (was) {
    case 'accepted':
      return { outcome: 'succeeded' };
    case 'sending':
    case 'held':
      throw new ProviderError({
        provider: 'sendgrid',
        errorClass: 'unknown_outcome',
        code: 'interrupted',
        message: 'an earlier attempt started to send this receipt, and its outcome is unknown',
      });
    default:
      throw new ProviderError({
        provider: 'sendgrid',
        errorClass: 'permanent',
        code: 'not_deliverable',
        message: was
          ? `the receipt of delivery ${deliveryId} is void`
          : `there is no delivery ${deliveryId}`,
      });
  }
}
