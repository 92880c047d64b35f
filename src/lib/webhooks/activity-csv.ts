import { usageError } from '../errors.ts';
import { readCsv } from '../imports/read/csv.ts';
import { detectDialect } from '../imports/read/dialect.ts';
import { type MailEvent, readMailEvent } from './sendgrid-events.ts';

/** A row of the file. */
export interface ActivityRow {
  line: number;
  /** Undefined when the row cannot be read as an event. */
  event: MailEvent | undefined;
  /** SendGrid's ids of the mail, as `X-Message-Id` gives them. */
  messageIds: string[];
}

const NEEDED = ['processed', 'message_id', 'event', 'email'] as const;
const SAMPLE = 64 * 1024;

// The Activity API and the feed name some events in another way than the webhook.
const EVENTS: Record<string, string> = {
  bounced: 'bounce',
  drop: 'dropped',
  opened: 'open',
  clicked: 'click',
  spam_report: 'spamreport',
};

/**
 * Reads the CSV that "Export CSV" of SendGrid's Activity and `POST /v3/messages/download` make. Its
 * columns: processed, message_id, event, api_key_id, recv_message_id, credential_id, subject, from,
 * email, asm_group_id, template_id, originating_ip, reason, outbound_ip, outbound_ip_type, mx, url,
 * attempt, user_agent, type, is_unique, username, categories, marketing_campaign_id,
 * marketing_campaign_name, marketing_campaign_split_id, marketing_campaign_version, unique_args.
 * `unique_args` is JSON and has our `custom_args`. Columns are found by name; times without a zone
 * are UTC.
 *
 * Twilio SendGrid, Email Activity API, "Request a CSV":
 * https://www.twilio.com/docs/sendgrid/api-reference/email-activity/request-a-csv
 *
 * @throws UserError `usage` when a column is missing, or the text is not CSV.
 */
export async function readActivity(text: string): Promise<ActivityRow[]> {
  const rows: ActivityRow[] = [];
  let columns: string[] | undefined;
  for await (const batch of readCsv(once(text), detectDialect(text.slice(0, SAMPLE)), 'the file'))
    for (const { line, cells: read } of batch) {
      const cells = read.map(String);
      if (cells.every((cell) => cell.trim() === '')) continue;
      if (columns) rows.push(toRow(line, columns, cells));
      else columns = readHeader(cells);
    }
  return rows;
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

function readHeader(cells: string[]): string[] {
  const columns = cells.map((cell) => cell.trim().toLowerCase());
  const missing = NEEDED.filter((name) => !columns.includes(name));
  if (missing.length === 0) return columns;
  throw usageError(
    `the file is neither JSON nor an activity CSV: it has no column ${missing.join(', ')}`,
    'Give the JSON that SendGrid posts to a webhook (an array, or an event in each line), or the CSV that its Activity page exports.',
  );
}

function toRow(line: number, columns: string[], cells: string[]): ActivityRow {
  const cell = (name: string) => cells[columns.indexOf(name)]?.trim() ?? '';
  const name = cell('event').toLowerCase();
  const ids = [cell('message_id'), cell('recv_message_id')].filter((id) => id !== '');
  const event = readMailEvent({
    ...idsIn(cell('unique_args')),
    event: EVENTS[name] ?? name,
    timestamp: secondsOf(cell('processed')),
    sg_message_id: ids[0],
    email: cell('email'),
    // A soft bounce is a temporary refusal, which the webhook calls blocked.
    type: cell('type') === 'soft' ? 'blocked' : cell('type'),
    reason: cell('reason'),
  });
  return { line, event, messageIds: ids.flatMap((id) => [id, id.split('.', 1)[0] as string]) };
}

function idsIn(json: string): Record<string, unknown> {
  try {
    const args: unknown = JSON.parse(json);
    if (typeof args !== 'object' || args === null) return {};
    const { delivery_id, receipt_id, donation_id } = args as Record<string, unknown>;
    return { delivery_id, receipt_id, donation_id };
  } catch {
    return {};
  }
}

const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?(?: UTC)?$/;

/** Seconds since 1970; undefined for what is no time. */
function secondsOf(text: string): number | undefined {
  const [, day, time, zone = 'Z'] = TIME.exec(text) ?? [];
  const at = Date.parse(`${day}T${time}${zone === 'UTC' ? 'Z' : zone}`);
  return Number.isNaN(at) ? undefined : at / 1000;
}
