import { randomBytes } from 'node:crypto';
import type { LocalStore } from '../../local/sqlite.ts';

/** What the sandbox keeps in the local SQLite file. Times are milliseconds since 1970. */
export const SANDBOX_SCHEMA = `
  create table if not exists sandbox_stripe_objects (
    id text primary key,
    kind text not null,
    created_ms integer not null,
    donation_id text,
    email text,
    body text not null
  );
  create index if not exists sandbox_stripe_objects_kind on sandbox_stripe_objects (kind, created_ms);
  create index if not exists sandbox_stripe_objects_donation on sandbox_stripe_objects (donation_id) where donation_id is not null;
  create table if not exists sandbox_stripe_keys (
    key text primary key,
    request text not null,
    status integer not null,
    body text not null,
    created_ms integer not null
  );
  create table if not exists sandbox_mails (
    id text primary key,
    accepted_ms integer not null,
    recipient text not null,
    subject text not null,
    receipt_id text,
    delivery_id text,
    donation_id text,
    body text not null
  );
  create index if not exists sandbox_mails_time on sandbox_mails (accepted_ms);
  create index if not exists sandbox_mails_delivery on sandbox_mails (delivery_id);
  create table if not exists sandbox_settings (key text primary key, value text not null);
`;

/** An id as Stripe makes them: `pi_3Q…`. */
export const stripeId = (prefix: string) => `${prefix}_${randomBytes(18).toString('base64url').replace(/[-_]/g, 'x')}`;

export function readSetting<T>(store: LocalStore, key: string): T | undefined {
  const row = store.get<{ value: string }>('select value from sandbox_settings where key = ?', key);
  return row && (JSON.parse(row.value) as T);
}

export function writeSetting(store: LocalStore, key: string, value: unknown): void {
  store.run(
    'insert into sandbox_settings values (?, ?) on conflict (key) do update set value = excluded.value',
    key,
    JSON.stringify(value),
  );
}
