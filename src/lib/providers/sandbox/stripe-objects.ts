import { randomBytes } from 'node:crypto';
import { invalidParameter } from './stripe-errors.ts';
import type { SandboxStore } from './store.ts';
import { testCard } from './stripe-test-cards.ts';

export type StripeKind = 'payment_intent' | 'charge' | 'customer' | 'payment_method';

/** A Stripe object as it is stored and sent. */
export interface StripeObject {
  id: string;
  object: StripeKind;
  /** Seconds since 1970. */
  created: number;
  // Only the fields that a rule looks at are checked where they are read.
  [field: string]: unknown;
}

export interface ListFilter {
  kind: StripeKind;
  created: { gt?: number; gte?: number; lt?: number; lte?: number };
  email: string | undefined;
  /** `metadata.donation_id`; the sandbox's own way to look, not Stripe's. */
  donationId: string | undefined;
  customer: string | undefined;
  startingAfter: string | undefined;
  limit: number;
}

/** Stripe's objects in the store. */
export interface StripeObjects {
  get(kind: StripeKind, id: string): StripeObject | undefined;
  insert(object: StripeObject): void;
  update(object: StripeObject): void;
  /** Newest first, one more than the limit where there is one. */
  list(filter: ListFilter): StripeObject[];
  count(kind: StripeKind): number;
}

/** An id as Stripe's look. */
export const stripeId = (prefix: string) =>
  `${prefix}_${randomBytes(18).toString('base64url').replaceAll(/[-_]/g, '0')}`;

export function stripeObjects({ db }: SandboxStore): StripeObjects {
  const get = db.prepare<[string, string], { body: string }>(
    'select body from stripe_objects where id = ? and kind = ?',
  );
  const insert = db.prepare(
    'insert into stripe_objects (id, kind, created, email, donation_id, body) values (?, ?, ?, ?, ?, ?)',
  );
  const update = db.prepare('update stripe_objects set email = ?, body = ? where id = ?');
  const count = db.prepare<[string], { n: number }>(
    'select count(*) as n from stripe_objects where kind = ?',
  );
  const emailOf = (object: StripeObject) => (object.object === 'customer' ? object.email : null);
  const donationOf = (object: StripeObject) =>
    (object.metadata as Record<string, string> | undefined)?.donation_id ?? null;
  return {
    get(kind, id) {
      const row = get.get(id, kind);
      return row && JSON.parse(row.body);
    },
    insert(object) {
      const body = JSON.stringify(object);
      insert.run(object.id, object.object, object.created, emailOf(object), donationOf(object), body);
    },
    update(object) {
      update.run(emailOf(object), JSON.stringify(object), object.id);
    },
    list({ kind, created, email, donationId, customer, startingAfter, limit }) {
      const where = ['kind = ?'];
      const values: (string | number)[] = [kind];
      const add = (sql: string, value: string | number | undefined) => {
        if (value === undefined) return;
        where.push(sql);
        values.push(value);
      };
      add('created > ?', created.gt);
      add('created >= ?', created.gte);
      add('created < ?', created.lt);
      add('created <= ?', created.lte);
      add('email = ?', email);
      add('donation_id = ?', donationId);
      add("body ->> 'customer' = ?", customer);
      add('seq < (select seq from stripe_objects where id = ?)', startingAfter);
      const rows = db
        .prepare<unknown[], { body: string }>(
          `select body from stripe_objects where ${where.join(' and ')} order by seq desc limit ?`,
        )
        .all(...values, limit + 1);
      return rows.map((row) => JSON.parse(row.body));
    },
    count: (kind) => count.get(kind)?.n ?? 0,
  };
}

/** A new PaymentMethod on a test card. */
export function newPaymentMethod(cardName: string, created: number): StripeObject {
  const { brand, last4, funding, country } = testCard(cardName);
  return {
    id: stripeId('pm'),
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: {
      address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
      email: null,
      name: null,
      phone: null,
      tax_id: null,
    },
    card: {
      brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'unchecked' },
      country,
      display_brand: brand,
      exp_month: 12,
      exp_year: new Date(created * 1000).getUTCFullYear() + 1,
      // Stripe's fingerprint tells one card number from another; here it also names the test card.
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

/** The name of the test card that a PaymentMethod stands for. */
export function cardNameOf(paymentMethod: StripeObject): string {
  return (paymentMethod.card as { fingerprint: string }).fingerprint.slice('sandbox_'.length);
}

/** Which field of which kind of object can be sent as the object it names. */
const EXPANDABLE: Record<StripeKind, Record<string, StripeKind>> = {
  payment_intent: {
    latest_charge: 'charge',
    payment_method: 'payment_method',
    customer: 'customer',
  },
  charge: { payment_intent: 'payment_intent', customer: 'customer' },
  customer: { 'invoice_settings.default_payment_method': 'payment_method' },
  payment_method: { customer: 'customer' },
};

/**
 * The object with the ids named by `expand` replaced by what they name.
 * @param paths such as `latest_charge` or `latest_charge.customer`
 * @throws StripeFailure when there is nothing to expand there
 */
export function expand(object: StripeObject, paths: string[], objects: StripeObjects): StripeObject {
  const copy = structuredClone(object);
  for (const path of paths) expandOne(copy, path, path, objects);
  return copy;
}

function expandOne(object: StripeObject, path: string, whole: string, objects: StripeObjects): void {
  const field = Object.keys(EXPANDABLE[object.object]).find(
    (name) => path === name || path.startsWith(`${name}.`),
  );
  if (!field) {
    throw invalidParameter(`This property cannot be expanded (${whole}).`, 'expand');
  }
  const names = field.split('.');
  const last = names.pop() as string;
  const holder = names.reduce<Record<string, unknown>>(
    (at, name) => at[name] as Record<string, unknown>,
    object,
  );
  const value = holder[last];
  const kind = EXPANDABLE[object.object][field] as StripeKind;
  if (typeof value === 'string') holder[last] = objects.get(kind, value) ?? value;
  const rest = path.slice(field.length + 1);
  const expanded = holder[last];
  if (rest && expanded !== null && typeof expanded === 'object') {
    expandOne(expanded as StripeObject, rest, whole, objects);
  }
}
