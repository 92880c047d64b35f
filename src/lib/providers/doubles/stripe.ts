import type { LocalStore } from '../../local/sqlite.ts';
import { type Form, parseForm } from './form.ts';
import type { SandboxAnswer, SandboxRequest } from './http.ts';
import { stripeId } from './state.ts';
import { TEST_CARDS, type TestCard } from './stripe-cards.ts';
import { invalidRequest, noSuch, StripeDoubleError } from './stripe-errors.ts';

type StripeObject = Record<string, unknown> & { id: string };

// What a charge must at least be: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
const MINIMUM: Record<string, number> = { usd: 50, eur: 50, gbp: 30, jpy: 50, cad: 50, aud: 50, chf: 50, hkd: 400, mxn: 1000 };

const INTENT_PARAMS =
  'amount currency payment_method confirm setup_future_usage automatic_payment_methods allowed_payment_method_types error_on_requires_action off_session description metadata expand customer return_url receipt_email statement_descriptor statement_descriptor_suffix capture_method'.split(
    ' ',
  );

/** The endpoints of Stripe's API that we use, with the rules that matter to us. */
export class StripeDouble {
  readonly #store: LocalStore;
  readonly #now: () => number;

  constructor(store: LocalStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Answers one request. @throws StripeDoubleError */
  handle(request: SandboxRequest): SandboxAnswer {
    const key = /^(?:Bearer (.+)|Basic (.+))$/.exec(request.headers.authorization ?? '');
    const secret = key?.[1] ?? Buffer.from(key?.[2] ?? '', 'base64').toString().replace(/:$/, '');
    if (!/^(sk|rk)_test_/.test(secret)) {
      throw new StripeDoubleError(401, { type: 'invalid_request_error', message: `Invalid API Key provided: ${secret.slice(0, 8)}****` });
    }
    const [, , resource = '', id = '', action = ''] = request.path.split('/');
    const form = parseForm(request.body);
    switch (`${request.method} ${resource}${id ? '/:id' : ''}${action ? `/${action}` : ''}`) {
      case 'GET balance':
        return ok({ object: 'balance', available: [], pending: [], livemode: false });
      case 'POST payment_intents':
        return ok(this.#createIntent(form));
      case 'GET payment_intents':
        return ok(this.#list('payment_intent', request));
      case 'GET payment_intents/:id':
        return ok(this.#find('payment_intent', id));
      case 'POST customers':
        return ok(this.#createCustomer(form));
      case 'GET customers':
        return ok(this.#list('customer', request));
      case 'GET customers/:id':
        return ok(this.#find('customer', id));
      case 'POST customers/:id':
        return ok(this.#updateCustomer(id, form));
      case 'GET payment_methods/:id':
        return ok(publicMethod(this.#find('payment_method', id)));
      case 'POST payment_methods/:id/attach':
        return ok(publicMethod(this.#attach(id, form)));
      default:
        throw invalidRequest(`Unrecognized request URL (${request.method}: ${request.path}).`, {}, 404);
    }
  }

  #createIntent(form: Form): StripeObject {
    for (const name of Object.keys(form)) {
      if (!INTENT_PARAMS.includes(name)) {
        throw invalidRequest(`Received unknown parameter: ${name}`, { code: 'parameter_unknown', param: name });
      }
    }
    const amount = Number(form.amount);
    const currency = String(form.currency ?? '').toLowerCase();
    if (!Number.isInteger(amount) || amount <= 0) {
      throw invalidRequest('Invalid positive integer', { code: 'parameter_invalid_integer', param: 'amount' });
    }
    if (!/^[a-z]{3}$/.test(currency) || !Intl.supportedValuesOf('currency').includes(currency.toUpperCase())) {
      throw invalidRequest(`Invalid currency: ${currency}.`, { param: 'currency' });
    }
    if (amount < (MINIMUM[currency] ?? 1)) {
      throw invalidRequest('Amount must convert to at least 50 cents.', { code: 'amount_too_small', param: 'amount' });
    }
    const redirects = (form.automatic_payment_methods as Form | undefined)?.allow_redirects;
    if (form.confirm === 'true' && !form.allowed_payment_method_types && redirects !== 'never' && !form.return_url) {
      throw invalidRequest(
        'This PaymentIntent is configured to accept payment methods that may redirect; provide a `return_url` or set `automatic_payment_methods[allow_redirects]` to `never`.',
      );
    }
    const method = this.#methodToCharge(String(form.payment_method ?? ''), form);
    return this.#confirm(form, amount, currency, method);
  }

  #confirm(form: Form, amount: number, currency: string, method: StripeObject): StripeObject {
    const card = method.test_card as TestCard;
    const metadata = (form.metadata ?? {}) as Record<string, string>;
    const intent: StripeObject = {
      id: stripeId('pi'),
      object: 'payment_intent',
      amount,
      amount_received: 0,
      currency,
      created: Math.floor(this.#now() / 1000),
      customer: form.customer ?? null,
      description: form.description ?? null,
      latest_charge: null,
      last_payment_error: null,
      livemode: false,
      metadata,
      payment_method: method.id,
      setup_future_usage: form.setup_future_usage ?? null,
      status: 'requires_confirmation',
    };
    if (form.confirm !== 'true') return this.#save('payment_intent', intent, metadata.donation_id);
    if (card.needsAuthentication && form.error_on_requires_action !== 'true') {
      return this.#save('payment_intent', { ...intent, status: 'requires_action' }, metadata.donation_id);
    }
    const refusal = card.needsAuthentication
      ? { code: 'authentication_required', decline_code: 'authentication_required', message: 'Your card was declined. This transaction requires authentication.' }
      : card.decline;
    if (refusal) {
      const error = { type: 'card_error', ...refusal, payment_method: publicMethod(method) };
      const failed = { ...intent, status: 'requires_payment_method', payment_method: null, last_payment_error: error };
      this.#save('payment_intent', failed, metadata.donation_id);
      throw new StripeDoubleError(402, { ...error, payment_intent: failed });
    }
    const charge = {
      id: stripeId('ch'),
      object: 'charge',
      amount,
      currency,
      paid: true,
      status: 'succeeded',
      payment_method_details: { type: 'card', card: method.card },
    };
    return this.#save(
      'payment_intent',
      { ...intent, status: 'succeeded', amount_received: amount, latest_charge: charge },
      metadata.donation_id,
    );
  }

  /** The card behind what was passed in. A test id such as `pm_card_visa` makes a new PaymentMethod each time. */
  #methodToCharge(id: string, form: Form): StripeObject {
    const test = TEST_CARDS[id];
    const method: StripeObject = test
      ? {
          id: stripeId('pm'),
          object: 'payment_method',
          type: 'card',
          livemode: false,
          created: Math.floor(this.#now() / 1000),
          customer: form.customer ?? null,
          card: { brand: test.brand, last4: test.last4, exp_month: 8, exp_year: new Date(this.#now()).getUTCFullYear() + 3, country: 'US', funding: 'credit' },
          test_card: test,
        }
      : this.#load('payment_method', id) ?? missingMethod(id);
    if (method.spent && !method.customer) throw alreadyUsed();
    // https://docs.stripe.com/payments/payment-methods#attach: only what was set up may be used again.
    const spent = form.confirm === 'true' && !form.setup_future_usage && !method.customer;
    return this.#save('payment_method', { ...method, ...(spent ? { spent: true } : {}) });
  }

  #attach(id: string, form: Form): StripeObject {
    const method = this.#find('payment_method', id);
    const customer = String(form.customer ?? '');
    this.#find('customer', customer, 'customer');
    if (method.spent) throw alreadyUsed();
    if (method.customer) {
      throw invalidRequest('The payment method you provided has already been attached to a customer.');
    }
    return this.#save('payment_method', { ...method, customer });
  }

  #createCustomer(form: Form): StripeObject {
    const customer = {
      id: stripeId('cus'),
      object: 'customer',
      created: Math.floor(this.#now() / 1000),
      email: form.email ?? null,
      name: form.name ?? null,
      livemode: false,
      metadata: form.metadata ?? {},
      invoice_settings: { default_payment_method: null },
    };
    return this.#save('customer', customer, undefined, form.email as string | undefined);
  }

  #updateCustomer(id: string, form: Form): StripeObject {
    const customer = this.#find('customer', id);
    const settings = form.invoice_settings as Form | undefined;
    const method = settings?.default_payment_method;
    if (typeof method === 'string' && this.#find('payment_method', method).customer !== id) {
      throw invalidRequest('The customer does not have a payment method with the ID given.', { param: 'invoice_settings[default_payment_method]' });
    }
    return this.#save('customer', { ...customer, invoice_settings: { ...settings } }, undefined, customer.email as string);
  }

  #list(kind: string, { query, path }: SandboxRequest) {
    const limit = Math.min(100, Number(query.get('limit') ?? 10));
    const after = query.get('starting_after');
    const before = after ? this.#find(kind, after) : undefined;
    const rows = this.#store.all<{ body: string }>(
      `select body from sandbox_stripe_objects
       where kind = ? and created_ms >= ? and created_ms <= ? and (? is null or email = ?)
         and (? is null or rowid < (select rowid from sandbox_stripe_objects where id = ?))
       order by rowid desc limit ?`,
      kind,
      Number(query.get('created[gte]') ?? 0) * 1000,
      Number(query.get('created[lte]') ?? 99_999_999_999) * 1000 + 999,
      query.get('email'),
      query.get('email'),
      before?.id ?? null,
      before?.id ?? null,
      limit + 1,
    );
    const data = rows.slice(0, limit).map((row) => JSON.parse(row.body) as StripeObject);
    return { object: 'list', url: path, has_more: rows.length > limit, data };
  }

  #find(kind: string, id: string, param = 'id'): StripeObject {
    const found = this.#load(kind, id);
    if (!found) throw noSuch(kind === 'payment_method' ? 'PaymentMethod' : kind, id, param);
    return found;
  }

  #load(kind: string, id: string): StripeObject | undefined {
    const row = this.#store.get<{ body: string }>('select body from sandbox_stripe_objects where kind = ? and id = ?', kind, id);
    return row && JSON.parse(row.body);
  }

  #save(kind: string, object: StripeObject, donationId?: string, email?: string): StripeObject {
    this.#store.run(
      `insert into sandbox_stripe_objects (id, kind, created_ms, donation_id, email, body) values (?, ?, ?, ?, ?, ?)
       on conflict (id) do update set body = excluded.body`,
      object.id,
      kind,
      this.#now(),
      donationId ?? null,
      email ?? null,
      JSON.stringify(object),
    );
    return object;
  }
}

const ok = (body: unknown): SandboxAnswer => ({ status: 200, body });

/** Without what only the sandbox knows. */
function publicMethod({ test_card: _card, spent: _spent, ...method }: StripeObject) {
  return method;
}

function missingMethod(id: string): never {
  throw invalidRequest(`No such PaymentMethod: '${id}'`, { code: 'resource_missing', param: 'payment_method' });
}

const alreadyUsed = () =>
  invalidRequest(
    'This PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.',
  );
