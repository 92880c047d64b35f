import { invalidParameter, missing } from './stripe-errors.ts';
import { type StripeObject, type StripeObjects, stripeId } from './stripe-objects.ts';
import { group, metadata, type ParamSpec, type StripeParams, text } from './stripe-params.ts';

export const CUSTOMER_PARAMS: ParamSpec = {
  name: 'text',
  email: 'text',
  description: 'text',
  phone: 'text',
  metadata: 'anything',
  address: 'anything',
  preferred_locales: 'texts',
  invoice_settings: { default_payment_method: 'text' },
};

/** POST /v1/customers */
export function createCustomer(
  params: StripeParams,
  objects: StripeObjects,
  now: number,
): StripeObject {
  const customer: StripeObject = {
    id: stripeId('cus'),
    object: 'customer',
    address: null,
    balance: 0,
    created: now,
    currency: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: null,
    invoice_prefix: stripeId('x').slice(2, 10).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: {},
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
    ...given(params, {}),
  };
  applyDefault(customer, params, objects);
  objects.insert(customer);
  return customer;
}

/** POST /v1/customers/:id */
export function updateCustomer(
  id: string,
  params: StripeParams,
  objects: StripeObjects,
): StripeObject {
  const before = objects.get('customer', id);
  if (!before) throw missing('customer', id, 'id', 404);
  const customer = { ...before, ...given(params, before.metadata as Record<string, string>) };
  applyDefault(customer, params, objects);
  objects.update(customer);
  return customer;
}

function given(params: StripeParams, oldMetadata: Record<string, string>): Record<string, unknown> {
  const fields: Record<string, unknown> = { metadata: { ...oldMetadata, ...metadata(params) } };
  for (const name of ['name', 'email', 'description', 'phone', 'address', 'preferred_locales']) {
    // An empty value unsets a field.
    if (params[name] !== undefined) fields[name] = params[name] === '' ? null : params[name];
  }
  const { email } = fields;
  if (typeof email === 'string' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) {
    throw invalidParameter(`Invalid email address: ${email}`, 'email', 'email_invalid');
  }
  return fields;
}

function applyDefault(customer: StripeObject, params: StripeParams, objects: StripeObjects): void {
  const id = text(group(params, 'invoice_settings'), 'default_payment_method');
  if (id === undefined) return;
  if (objects.get('payment_method', id)?.customer !== customer.id) {
    throw missing('PaymentMethod', id, 'invoice_settings[default_payment_method]', 400);
  }
  customer.invoice_settings = {
    ...(customer.invoice_settings as Record<string, unknown>),
    default_payment_method: id,
  };
}
