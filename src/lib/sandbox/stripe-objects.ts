import { randomUUID } from 'node:crypto';
import type { LocalStore } from '../local/sqlite.ts';
import { invalidParameter } from './stripe-errors.ts';

export type StripeKind = 'payment_intent' | 'charge' | 'refund' | 'customer' | 'payment_method';

/** A Stripe object as it is stored and sent. */
export interface StripeObject {
  id: string;
  object: StripeKind;
  /** Seconds since 1970. */
  created: number;
  [field: string]: unknown;
}

export interface ListFilter {
  kind: StripeKind;
  created?: { gt?: number; gte?: number; lt?: number; lte?: number };
  email?: string | undefined;
  customer?: string | undefined;
  /** `metadata.donation_id`: a filter of the sandbox that Stripe does not have. */
  donationId?: string | undefined;
  startingAfter?: string | undefined;
  limit: number;
}

/** The stored Stripe objects. */
export interface StripeObjects {
  get(kind: StripeKind, id: string): StripeObject | undefined;
  insert(object: StripeObject): void;
  update(object: StripeObject): void;
  /** Newest first. */
  list(filter: ListFilter): { data: StripeObject[]; hasMore: boolean };
  count(kind: StripeKind): number;
}

/** An id in Stripe's format: `pi_` and random letters and digits. */
export const stripeId = (prefix: string) =>
  // randomUUID is fast, because Node buffers random bytes for it; randomBytes costs a system call.
  `${prefix}_${randomUUID().replaceAll('-', '').slice(0, 24)}`;

export function stripeObjects(store: LocalStore): StripeObjects {
  const emailOf = (object: StripeObject) => (object.object === 'customer' ? object.email : null);
  const donationOf = (object: StripeObject) =>
    (object.metadata as Record<string, string> | undefined)?.donation_id ?? null;
  return {
    get(kind, id) {
      const row = store.get<{ body: string }>(
        'select body from stripe_objects where id = ? and kind = ?',
        id,
        kind,
      );
      return row && JSON.parse(row.body);
    },
    insert(object) {
      store.run(
        'insert into stripe_objects (id, kind, created, email, donation_id, body) values (?, ?, ?, ?, ?, ?)',
        object.id,
        object.object,
        object.created,
        emailOf(object),
        donationOf(object),
        JSON.stringify(object),
      );
    },
    update(object) {
      store.run(
        'update stripe_objects set email = ?, body = ? where id = ?',
        emailOf(object),
        JSON.stringify(object),
        object.id,
      );
    },
    list({ kind, created = {}, email, customer, donationId, startingAfter, limit }) {
      const terms: [sql: string, value: string | number | undefined][] = [
        ['kind = ?', kind],
        ['created > ?', created.gt],
        ['created >= ?', created.gte],
        ['created < ?', created.lt],
        ['created <= ?', created.lte],
        ['email = ?', email],
        ['donation_id = ?', donationId],
        ["body ->> 'customer' = ?", customer],
        ['seq < (select seq from stripe_objects where id = ?)', startingAfter],
      ];
      const given = terms.filter(([, value]) => value !== undefined);
      const rows = store.all<{ body: string }>(
        `select body from stripe_objects where ${given.map(([sql]) => sql).join(' and ')} order by seq desc limit ?`,
        ...given.map(([, value]) => value),
        limit + 1,
      );
      return {
        data: rows.slice(0, limit).map((row) => JSON.parse(row.body)),
        hasMore: rows.length > limit,
      };
    },
    count: (kind) =>
      store.get<{ n: number }>('select count(*) as n from stripe_objects where kind = ?', kind)
        ?.n ?? 0,
  };
}

/** The fields that `expand` can replace, and the kind of their objects. */
const EXPANDABLE: Record<StripeKind, Record<string, StripeKind>> = {
  payment_intent: {
    latest_charge: 'charge',
    payment_method: 'payment_method',
    customer: 'customer',
  },
  charge: { payment_intent: 'payment_intent', customer: 'customer' },
  refund: { charge: 'charge', payment_intent: 'payment_intent' },
  customer: { 'invoice_settings.default_payment_method': 'payment_method' },
  payment_method: { customer: 'customer' },
};

/**
 * The object with the ids at `paths` (`latest_charge`, `latest_charge.customer`) replaced by their
 * objects.
 * @throws StripeFailure when a path cannot be expanded
 */
export function expand(
  object: StripeObject,
  paths: string[],
  objects: StripeObjects,
): StripeObject {
  const copy = structuredClone(object);
  for (const path of paths) expandOne(copy, path, path, objects);
  return copy;
}

function expandOne(
  object: StripeObject,
  path: string,
  whole: string,
  objects: StripeObjects,
): void {
  const fields = EXPANDABLE[object.object];
  const field = Object.keys(fields).find((name) => path === name || path.startsWith(`${name}.`));
  if (!field) throw invalidParameter(`This property cannot be expanded (${whole}).`, 'expand');
  const names = field.split('.');
  const last = names.pop() as string;
  let holder: Record<string, unknown> = object;
  for (const name of names) holder = holder[name] as Record<string, unknown>;
  const value = holder[last];
  if (typeof value === 'string')
    holder[last] = objects.get(fields[field] as StripeKind, value) ?? value;
  const inner = holder[last];
  const rest = path.slice(field.length + 1);
  if (rest && inner !== null && typeof inner === 'object') {
    expandOne(inner as StripeObject, rest, whole, objects);
  }
}
