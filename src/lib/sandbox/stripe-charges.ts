import { StripeFailure } from './stripe-errors.ts';
import { type StripeObject, type StripeObjects, stripeId } from './stripe-objects.ts';
import { flag, type StripeParams, text } from './stripe-params.ts';
import { cardOf, shown, spend } from './stripe-payment-methods.ts';

/**
 * Charges the intent's card and records the result. @throws StripeFailure 402 when it is declined
 */
export function charge(
  intent: StripeObject,
  method: StripeObject,
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): void {
  const { authentication, decline } = cardOf(method);
  const donorAbsent =
    flag(params, 'error_on_requires_action') || (params.off_session ?? 'false') !== 'false';
  if (authentication && !donorAbsent) {
    const url = text(params, 'return_url');
    intent.status = 'requires_action';
    intent.next_action = url
      ? { type: 'redirect_to_url', redirect_to_url: { return_url: url, url } }
      : { type: 'use_stripe_sdk', use_stripe_sdk: {} };
    objects.update(intent);
    return;
  }
  const refusal = authentication
    ? {
        code: 'authentication_required',
        decline_code: 'authentication_required',
        message: 'Your card was declined. This transaction requires authentication.',
      }
    : decline;
  const made = newCharge(intent, method, refusal, now);
  objects.insert(made);
  intent.latest_charge = made.id;
  if (refusal) {
    const error = {
      type: 'card_error' as const,
      ...refusal,
      charge: made.id,
      payment_method: shown(method),
    };
    intent.status = 'requires_payment_method';
    intent.payment_method = null;
    intent.last_payment_error = error;
    objects.update(intent);
    throw new StripeFailure(402, { ...error, payment_intent: intent });
  }
  intent.status = 'succeeded';
  intent.amount_received = intent.amount;
  objects.update(intent);
  if (method.customer) return;
  if (!intent.setup_future_usage) spend(method, objects);
  // If the intent has a Customer, Stripe attaches a reusable PaymentMethod automatically.
  else if (intent.customer) objects.update({ ...method, customer: intent.customer });
}

function newCharge(
  intent: StripeObject,
  method: StripeObject,
  refusal: { code: string; decline_code: string; message: string } | undefined,
  now: number,
): StripeObject {
  const { brand, country, exp_month, exp_year, fingerprint, funding, last4 } =
    method.card as Record<string, unknown>;
  return {
    id: stripeId('ch'),
    object: 'charge',
    amount: intent.amount,
    amount_captured: refusal ? 0 : intent.amount,
    amount_refunded: 0,
    balance_transaction: refusal ? null : stripeId('txn'),
    billing_details: method.billing_details,
    captured: !refusal,
    created: now,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_code: refusal?.code ?? null,
    failure_message: refusal?.message ?? null,
    livemode: false,
    metadata: intent.metadata,
    outcome: {
      network_status: refusal ? 'declined_by_network' : 'approved_by_network',
      reason: refusal?.decline_code ?? null,
      risk_level: 'normal',
      seller_message: refusal
        ? 'The bank did not return any further details with this decline.'
        : 'Payment complete.',
      type: refusal ? 'issuer_declined' : 'authorized',
    },
    paid: !refusal,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: {
      type: 'card',
      card: {
        brand,
        country,
        exp_month,
        exp_year,
        fingerprint,
        funding,
        last4,
        network: brand,
        wallet: null,
      },
    },
    receipt_email: intent.receipt_email,
    refunded: false,
    status: refusal ? 'failed' : 'succeeded',
  };
}
