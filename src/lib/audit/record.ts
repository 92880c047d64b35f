import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';

/** Who did what, for the audit trail. */
export interface AuditEntry {
  /** The operator: `DONATIONS_ACTOR`, or the user of the operating system. */
  actor: string;
  host: string;
  /** What was done, as noun and verb: `receipts.resend`. */
  action: string;
  /** The id of what it was done to. */
  subject?: string | undefined;
  /** Why, in the operator's words. */
  reason?: string | undefined;
  detail?: Record<string, unknown>;
}

/** Writes one entry, in the transaction of the change that it tells of. */
export async function recordAudit(tx: Queryable, entry: AuditEntry): Promise<string> {
  const id = newId('audit');
  await tx.query(
    `insert into donations.audit_log (id, actor, host, action, subject, reason, detail)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      id,
      entry.actor,
      entry.host,
      entry.action,
      entry.subject ?? null,
      entry.reason ?? null,
      JSON.stringify(entry.detail ?? {}),
    ],
  );
  return id;
}
