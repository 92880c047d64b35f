import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';
import type { AuditAction } from './actions.ts';

/** The person at the terminal, and the command. */
export interface Actor {
  /** `DONATIONS_ACTOR`, or the user of the operating system. */
  actor: string;
  host: string;
  /** The command line. */
  command?: string | undefined;
}

/** Who changed what, for the audit trail. */
export interface NewAuditEntry extends Actor {
  /** Set beforehand if other rows refer to it. */
  id?: string;
  /** What was done, as noun and verb: `receipts.resend`. */
  action: AuditAction;
  /** The id of the changed object. */
  subject?: string | undefined;
  /** Why, in the operator's words. */
  reason?: string | undefined;
  /** For a chunk of a bulk change: the id of the entry of the request. */
  operation?: string | undefined;
  /** The filter that selected the objects. */
  filter?: string | undefined;
  /** How many were changed. */
  affected?: number | undefined;
  /** Further facts; a string is JSON already. */
  detail?: Record<string, unknown> | string;
}

/** Writes one entry, in the transaction of the change. */
export async function recordAudit(tx: Queryable, entry: NewAuditEntry): Promise<string> {
  const id = entry.id ?? newId('audit');
  await tx.query(
    `insert into donations.audit_log
       (id, actor, host, command, action, subject, reason, operation, filter, affected, detail)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      id,
      entry.actor,
      entry.host,
      entry.command ?? null,
      entry.action,
      entry.subject ?? null,
      entry.reason ?? null,
      entry.operation ?? null,
      entry.filter ?? null,
      entry.affected ?? null,
      typeof entry.detail === 'string' ? entry.detail : JSON.stringify(entry.detail ?? {}),
    ],
  );
  return id;
}
