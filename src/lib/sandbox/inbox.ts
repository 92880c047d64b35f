import type { LocalStore } from '../local/sqlite.ts';
import type { Mail } from './sendgrid-validation.ts';

/** A mail that the SendGrid double accepted. */
export interface InboxMail {
  id: string;
  /** RFC 3339. */
  accepted_at: string;
  from: string;
  to: string;
  subject: string;
  receipt_id: string | null;
  donation_id: string | null;
  delivery_id: string | null;
  /** `delivered`, `bounced` or `dropped`. */
  outcome: string;
}

export interface Inbox {
  /** The newest first, filtered by the query; 50 unless it has a `limit`. */
  list(query: URLSearchParams): InboxMail[];
  /** Finds a mail by its id or an unambiguous prefix. Only the newest mails have their bodies. */
  find(id: string): { mail: InboxMail; message: Mail | null } | undefined;
}

/** The mails in the store. */
export function sandboxInbox(store: LocalStore): Inbox {
  return {
    list(query) {
      const columns = ['receipt_id', 'donation_id', 'delivery_id', 'recipient'].filter((name) =>
        query.has(name),
      );
      const where = columns.map((name) => `${name} = ?`).join(' and ') || 'true';
      return store
        .all<MailRow>(
          `select * from sendgrid_messages where ${where} order by seq desc limit ?`,
          ...columns.map((name) => query.get(name)),
          Number(query.get('limit') ?? 50),
        )
        .map(inboxMail);
    },
    find(id) {
      const rows = store.all<MailRow & { content: string | null }>(
        `select m.*, c.mail as content from sendgrid_messages m left join sendgrid_contents c using (seq)
         where m.id >= ? and m.id < ? || char(0x10ffff) order by length(m.id) limit 2`,
        id,
        id,
      );
      const row = rows.find((one) => one.id === id) ?? (rows.length === 1 ? rows[0] : undefined);
      return (
        row && {
          mail: inboxMail(row),
          message: row.content === null ? null : JSON.parse(row.content),
        }
      );
    },
  };
}

interface MailRow {
  id: string;
  accepted_ms: number;
  sender: string;
  recipient: string;
  subject: string;
  receipt_id: string | null;
  donation_id: string | null;
  delivery_id: string | null;
  outcome: string;
}

const inboxMail = (row: MailRow): InboxMail => ({
  id: row.id,
  accepted_at: new Date(row.accepted_ms).toISOString(),
  from: row.sender,
  to: row.recipient,
  subject: row.subject,
  receipt_id: row.receipt_id,
  donation_id: row.donation_id,
  delivery_id: row.delivery_id,
  outcome: row.outcome,
});
