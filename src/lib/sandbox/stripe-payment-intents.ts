import { readAmount } from './stripe-amounts.ts';
import { charge } from './stripe-charges.ts';
import { invalidParameter, missing, StripeFailure } from './stripe-errors.ts';
import { type StripeObject, type StripeObjects, stripeId } from './stripe-objects.ts';
import {
  choice,
  flag,
  group,
  metadata,
  type ParamSpec,
  type StripeParams,
  text,
} from './stripe-params.ts';
import { chargedMethod, PAYMENT_METHOD_DATA } from './stripe-payment-methods.ts';

const CONFIRM: ParamSpec = {
  payment_method: 'text',
  payment_method_data: PAYMENT_METHOD_DATA,
  setup_future_usage: 'text',
  error_on_requires_action: 'text',
  off_session: 'text',
  return_url: 'text',
  receipt_email: 'text',
};

export const CONFIRM_PARAMS = CONFIRM;
export const CANCEL_PARAMS: ParamSpec = { cancellation_reason: 'text' };
/** `payment_method_types` was removed in API version 2026-09-30. */
export const INTENT_PARAMS: ParamSpec = {
  ...CONFIRM,
  amount: 'text',
  currency: 'text',
  confirm: 'text',
  automatic_payment_methods: { enabled: 'text', allow_redirects: 'text' },
  allowed_payment_method_types: 'texts',
  capture_method: 'text',
  confirmation_method: 'text',
  customer: 'text',
  description: 'text',
  metadata: 'anything',
  shipping: 'anything',
  statement_descriptor: 'text',
  statement_descriptor_suffix: 'text',
  use_stripe_sdk: 'text',
};

/** POST /v1/payment_intents */
export function createIntent(
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject {
  const { amount, currency } = readAmount(params);
  const confirmed = flag(params, 'confirm');
  const customer = text(params, 'customer');
  const types = params.allowed_payment_method_types;
  const automatic = group(params, 'automatic_payment_methods');
  const redirects =
    types === undefined &&
    (text(automatic, 'enabled') ?? 'true') === 'true' &&
    choice(automatic, 'allow_redirects', ['always', 'never']) !== 'never';
  if (redirects && confirmed && !text(params, 'return_url')) {
    throw invalidParameter(
      "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.",
      'return_url',
    );
  }
  for (const name of ['error_on_requires_action', 'off_session', 'return_url']) {
    if (params[name] !== undefined && !confirmed) {
      throw invalidParameter(`The parameter \`${name}\` can only be used when confirm=true.`, name);
    }
  }
  if (customer && !objects.get('customer', customer)) {
    throw missing('customer', customer, 'customer', 400);
  }
  const id = stripeId('pi');
  const intent: StripeObject = {
    id,
    object: 'payment_intent',
    amount,
    amount_capturable: 0,
    amount_received: 0,
    automatic_payment_methods:
      types === undefined
        ? { enabled: true, allow_redirects: redirects ? 'always' : 'never' }
        : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method:
      choice(params, 'capture_method', ['automatic', 'automatic_async']) ?? 'automatic_async',
    client_secret: `${id}_secret_${stripeId('x').slice(2)}`,
    confirmation_method: text(params, 'confirmation_method') ?? 'automatic',
    created: now,
    currency,
    customer: customer ?? null,
    description: text(params, 'description') ?? null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    metadata: metadata(params),
    next_action: null,
    payment_method: null,
    payment_method_types: types ?? ['card'],
    processing: null,
    receipt_email: text(params, 'receipt_email') ?? null,
    setup_future_usage: null,
    shipping: params.shipping ?? null,
    statement_descriptor: text(params, 'statement_descriptor') ?? null,
    statement_descriptor_suffix: text(params, 'statement_descriptor_suffix') ?? null,
    status: 'requires_payment_method',
  };
  const method = prepare(intent, params, objects, now);
  if (confirmed && !method) throw noMethod();
  objects.insert(intent);
  if (confirmed && method) charge(intent, method, params, objects, now);
  return intent;
}

/** POST /v1/payment_intents/:id/confirm */
export function confirmIntent(
  id: string,
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject {
  const intent = objects.get('payment_intent', id);
  if (!intent) throw missing('payment_intent', id, 'intent', 404);
  if (intent.status === 'succeeded') {
    throw unexpectedState(
      intent,
      'You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.',
    );
  }
  if (!CONFIRMABLE.includes(intent.status as string)) throw notNow(intent, 'confirm', CONFIRMABLE);
  const automatic = intent.automatic_payment_methods as { allow_redirects: string } | null;
  if (automatic?.allow_redirects === 'always' && !text(params, 'return_url')) {
    throw invalidParameter(
      'You must provide a `return_url` when confirming this PaymentIntent.',
      'return_url',
    );
  }
  const known = objects.get('payment_method', String(intent.payment_method));
  const method = prepare(intent, params, objects, now) ?? known;
  if (!method) throw noMethod(intent);
  charge(intent, method, params, objects, now);
  return intent;
}

/** POST /v1/payment_intents/:id/cancel */
export function cancelIntent(
  id: string,
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject {
  const intent = objects.get('payment_intent', id);
  if (!intent) throw missing('payment_intent', id, 'intent', 404);
  if (!CANCELABLE.includes(intent.status as string)) throw notNow(intent, 'cancel', CANCELABLE);
  intent.cancellation_reason =
    choice(params, 'cancellation_reason', [
      'abandoned',
      'duplicate',
      'fraudulent',
      'requested_by_customer',
    ]) ?? null;
  intent.status = 'canceled';
  intent.canceled_at = now;
  intent.next_action = null;
  objects.update(intent);
  return intent;
}

/** Applies the parameters that a confirmation may set. */
function prepare(
  intent: StripeObject,
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject | undefined {
  const usage = choice(params, 'setup_future_usage', ['off_session', 'on_session']);
  if (usage) intent.setup_future_usage = usage;
  flag(params, 'error_on_requires_action');
  const method = chargedMethod(
    params,
    (intent.customer as string | null) ?? undefined,
    objects,
    now,
  );
  if (method) {
    intent.payment_method = method.id;
    intent.status = 'requires_confirmation';
  }
  return method;
}

const CONFIRMABLE = ['requires_confirmation', 'requires_payment_method', 'requires_action'];
const CANCELABLE = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
];

/** The status of the intent does not allow the request. The error contains the intent. */
const unexpectedState = (intent: StripeObject | undefined, message: string) =>
  new StripeFailure(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message,
    payment_intent: intent,
  });

const notNow = (intent: StripeObject, action: 'confirm' | 'cancel', states: string[]) =>
  unexpectedState(
    intent,
    `You cannot ${action} this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be ${action}ed: ${states.join(', ')}.`,
  );

const noMethod = (intent?: StripeObject) =>
  unexpectedState(
    intent,
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
  );
