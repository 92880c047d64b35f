import { invalidParameter, missing, refused } from './stripe-errors.ts';
import { type StripeObject, type StripeObjects, stripeId } from './stripe-objects.ts';
import {
  choice,
  integer,
  metadata,
  type ParamSpec,
  type StripeParams,
  text,
} from './stripe-params.ts';

export const REFUND_PARAMS: ParamSpec = {
  amount: 'text',
  charge: 'text',
  payment_intent: 'text',
  reason: 'text',
  metadata: 'anything',
};

/** POST /v1/refunds: refunds the remaining amount of a charge, or a part of it. */
export function createRefund(
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject {
  const charge = refundedCharge(params, objects);
  const before = charge.amount_refunded as number;
  const left = (charge.amount_captured as number) - before;
  if (left === 0) {
    throw refused(
      `Charge ${charge.id} has already been refunded.`,
      undefined,
      'charge_already_refunded',
    );
  }
  const amount = integer(params, 'amount') ?? left;
  if (amount < 1) {
    throw invalidParameter(
      'This value must be greater than or equal to 1.',
      'amount',
      'parameter_invalid_integer',
    );
  }
  if (amount > left) {
    throw refused(
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left}), in the smallest unit of ${charge.currency}`,
      'amount',
    );
  }
  const refund: StripeObject = {
    id: stripeId('re'),
    object: 'refund',
    amount,
    balance_transaction: stripeId('txn'),
    charge: charge.id,
    created: now,
    currency: charge.currency,
    metadata: metadata(params),
    payment_intent: charge.payment_intent,
    reason: choice(params, 'reason', ['duplicate', 'fraudulent', 'requested_by_customer']) ?? null,
    receipt_number: null,
    status: 'succeeded',
  };
  objects.insert(refund);
  objects.update({ ...charge, amount_refunded: before + amount, refunded: amount === left });
  return refund;
}

function refundedCharge(params: StripeParams, objects: StripeObjects): StripeObject {
  const intentId = text(params, 'payment_intent');
  const chargeId = text(params, 'charge');
  if ((intentId === undefined) === (chargeId === undefined)) {
    throw invalidParameter('You must pass exactly one of `charge` and `payment_intent`.');
  }
  if (chargeId !== undefined) {
    const charge = objects.get('charge', chargeId);
    if (!charge) throw missing('charge', chargeId, 'charge', 400);
    if (charge.status !== 'succeeded') throw notCharged(`Charge ${chargeId}`);
    return charge;
  }
  const intent = objects.get('payment_intent', intentId as string);
  if (!intent) throw missing('payment_intent', intentId as string, 'payment_intent', 400);
  if (intent.status !== 'succeeded') throw notCharged(`PaymentIntent ${intentId}`);
  return objects.get('charge', intent.latest_charge as string) as StripeObject;
}

const notCharged = (what: string) =>
  refused(
    `${what} does not have a successful charge to refund.`,
    undefined,
    'charge_not_refundable',
  );
