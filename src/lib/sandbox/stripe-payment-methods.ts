import { invalidParameter, missing, refused, StripeFailure } from './stripe-errors.ts';
import { type StripeObject, type StripeObjects, stripeId } from './stripe-objects.ts';
import { group, type ParamSpec, requiredText, type StripeParams, text } from './stripe-params.ts';
import { type TestCard, testCard, testCardName } from './stripe-test-cards.ts';

export const PAYMENT_METHOD_DATA: ParamSpec = {
  type: 'text',
  card: { token: 'text' },
  billing_details: 'anything',
  metadata: 'anything',
  allow_redisplay: 'text',
};
export const ATTACH_PARAMS: ParamSpec = { customer: 'text' };

/** A new PaymentMethod for a test card. */
function newPaymentMethod(cardName: string, created: number): StripeObject {
  const { brand, last4, funding, country } = testCard(cardName);
  return {
    id: stripeId('pm'),
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: {
      address: {
        city: null,
        country: null,
        line1: null,
        line2: null,
        postal_code: null,
        state: null,
      },
      email: null,
      name: null,
      phone: null,
      tax_id: null,
    },
    card: {
      brand,
      checks: {
        address_line1_check: null,
        address_postal_code_check: null,
        cvc_check: 'unchecked',
      },
      country,
      display_brand: brand,
      exp_month: 12,
      exp_year: new Date(created * 1000).getUTCFullYear() + 2,
      // Stripe's fingerprint distinguishes card numbers; here it also names the test card.
      fingerprint: `sandbox_${cardName}`,
      funding,
      generated_from: null,
      last4,
      networks: { available: [brand], preferred: null },
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created,
    customer: null,
    livemode: false,
    metadata: {},
    type: 'card',
  };
}

/** The test card of a PaymentMethod. */
export function cardOf(method: StripeObject): TestCard {
  return testCard((method.card as { fingerprint: string }).fingerprint.slice('sandbox_'.length));
}

/**
 * The PaymentMethod of a charge: a stored one, or a new one for a test id such as `pm_card_visa` or
 * for `payment_method_data` with a test token.
 * @returns undefined when none was given
 * @throws StripeFailure when it does not exist or may not be used
 */
export function chargedMethod(
  params: StripeParams,
  customer: string | undefined,
  objects: StripeObjects,
  now: number,
): StripeObject | undefined {
  const id = text(params, 'payment_method');
  const data = group(params, 'payment_method_data');
  const token = text(group(data, 'card'), 'token');
  const cardName = token ? testCardName(token, 'tok_') : id && testCardName(id, 'pm_card_');
  if (cardName) {
    const made = newPaymentMethod(cardName, now);
    objects.insert(made);
    return made;
  }
  if (token) throw missing('token', token, 'payment_method_data[card][token]', 400);
  if (!id) return undefined;
  const method = objects.get('payment_method', id);
  if (!method) throw missing('PaymentMethod', id, 'payment_method', 400);
  if (isSpent(method)) throw spent();
  if (method.customer && method.customer !== customer) {
    throw refused(
      'The payment method you provided is attached to a customer so for security purposes you must provide the customer in the request.',
      'payment_method',
    );
  }
  return method;
}

// A field that only the sandbox has; `shown` removes it.
const SPENT = 'sandbox_spent';
const isSpent = (method: StripeObject) => method[SPENT] === true;

/** A PaymentMethod that was charged without being saved cannot be used again. */
export function spend(method: StripeObject, objects: StripeObjects): void {
  objects.update({ ...method, [SPENT]: true });
}

/** The object as Stripe shows it. */
export function shown(object: StripeObject): StripeObject {
  const { [SPENT]: _spent, ...rest } = object;
  return rest as StripeObject;
}

const spent = () =>
  refused(
    'The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.',
    'payment_method',
  );

/** POST /v1/payment_methods, from a test token only: the sandbox accepts no card numbers. */
export function createMethod(
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject {
  if (requiredText(params, 'type') !== 'card') {
    throw invalidParameter('The sandbox supports cards only.', 'type');
  }
  const token = requiredText(group(params, 'card'), 'token');
  const cardName = testCardName(token, 'tok_');
  if (!cardName) throw missing('token', token, 'card[token]', 400);
  const method = newPaymentMethod(cardName, now);
  objects.insert(method);
  return method;
}

/** POST /v1/payment_methods/:id/attach */
export function attach(
  id: string,
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject {
  const customer = requiredText(params, 'customer');
  if (!objects.get('customer', customer)) throw missing('customer', customer, 'customer', 400);
  const cardName = testCardName(id, 'pm_card_');
  const made = cardName ? newPaymentMethod(cardName, now) : undefined;
  const method = made ?? objects.get('payment_method', id);
  if (!method) throw missing('PaymentMethod', id, 'payment_method', 404);
  if (isSpent(method)) throw spent();
  if (method.customer) {
    throw refused('The payment method you provided has already been attached to a customer.');
  }
  const { decline, attachable } = cardOf(method);
  if (decline && !attachable) throw new StripeFailure(402, { type: 'card_error', ...decline });
  const attached = { ...method, customer };
  if (made) objects.insert(attached);
  else objects.update(attached);
  return attached;
}
