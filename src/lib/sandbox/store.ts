import { join } from 'node:path';
import { type LocalStore, openLocalStore } from '../local/sqlite.ts';

/**
 * The tables of the doubles. Times are in milliseconds since 1970, except `created`, which is in
 * seconds like Stripe's.
 */
const SCHEMA = `
create table if not exists sandbox_settings (
  key text primary key,
  value text not null
);

create table if not exists stripe_objects (
  seq integer primary key,
  id text not null unique,
  kind text not null,
  created integer not null,
  email text,
  donation_id text,
  body text not null
);
create index if not exists stripe_objects_kind on stripe_objects (kind, created);
create index if not exists stripe_objects_email on stripe_objects (email) where email is not null;
create index if not exists stripe_objects_donation on stripe_objects (donation_id)
  where donation_id is not null;

create table if not exists stripe_keys (
  account text not null,
  key text not null,
  fingerprint text not null,
  created_ms integer not null,
  request_id text not null,
  status integer not null,
  body text not null,
  primary key (account, key)
) without rowid;

create table if not exists sendgrid_messages (
  seq integer primary key,
  id text not null unique,
  accepted_ms integer not null,
  sender text not null,
  recipient text not null,
  subject text not null,
  receipt_id text,
  donation_id text,
  delivery_id text,
  outcome text not null
);
create index if not exists sendgrid_messages_receipt on sendgrid_messages (receipt_id)
  where receipt_id is not null;
create index if not exists sendgrid_messages_donation on sendgrid_messages (donation_id)
  where donation_id is not null;
create index if not exists sendgrid_messages_delivery on sendgrid_messages (delivery_id)
  where delivery_id is not null;
-- The mail bodies as received; only the newest are kept.
create table if not exists sendgrid_contents (
  seq integer primary key,
  mail text not null
);

create table if not exists sendgrid_suppressions (
  list text not null,
  email text not null,
  reason text not null,
  created integer not null,
  primary key (list, email)
) without rowid;

create table if not exists webhook_events (
  seq integer primary key,
  provider text not null,
  body text not null,
  attempts integer not null default 0,
  due_ms integer not null
);
create index if not exists webhook_events_due on webhook_events (provider, due_ms);
`;

const TABLES = [
  'stripe_objects',
  'stripe_keys',
  'sendgrid_messages',
  'sendgrid_contents',
  'sendgrid_suppressions',
  'webhook_events',
];

/** Opens the store of the doubles, `<dataDir>/local.sqlite`. */
export const openSandboxStore = (dataDir: string): LocalStore =>
  openLocalStore(join(dataDir, 'local.sqlite'), SCHEMA, { durable: false });

/** Deletes all charges, customers, mails and events. Settings (faults, webhook keys) stay. */
export function clearSandboxStore(store: LocalStore): void {
  store.transaction(() => {
    for (const table of TABLES) store.run(`delete from ${table}`);
  });
}

export function readSetting<T>(store: LocalStore, key: string): T | undefined {
  const row = store.get<{ value: string }>('select value from sandbox_settings where key = ?', key);
  return row && (JSON.parse(row.value) as T);
}

export function writeSetting(store: LocalStore, key: string, value: unknown): void {
  store.run(
    'insert into sandbox_settings (key, value) values (?, ?) on conflict (key) do update set value = excluded.value',
    key,
    JSON.stringify(value),
  );
}
