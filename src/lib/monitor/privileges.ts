import type { Queryable } from '../db/database.ts';

/** Why this connection cannot change anything; undefined when it can. */
export async function whyReadOnly(db: Queryable): Promise<string | undefined> {
  const { rows } = await db.query<{
    standby: boolean;
    forced: boolean;
    may: boolean;
    role: string;
  }>(
    `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as forced,
       has_table_privilege('donations.audit_log', 'insert') as may, current_user::text as role`,
  );
  const found = rows[0];
  if (!found || found.standby) return 'this is a standby server';
  if (!found.may) return `the database role ${found.role} can only read`;
  if (found.forced) return 'transactions are read-only here (default_transaction_read_only)';
  return undefined;
}
