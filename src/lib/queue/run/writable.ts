import { storableText } from '../../text.ts';
import type { AttemptRow, VerdictRow } from './attempt.ts';

/** The longest duration that can be stored, in milliseconds: about 300 years. */
const MAX_MS = 1e13;
/** The longest delay of a job, in milliseconds: about 10 years. */
const MAX_DELAY_MS = 3e11;
/** Index entries have a size limit; real names are never longer than this. */
const MAX_NAME = 200;
const MAX_MESSAGE = 1000;
const EARLIEST = Date.parse('2000-01-01T00:00:00Z');
const LATEST = Date.parse('9999-12-31T00:00:00Z');

/**
 * Makes an attempt's row storable, whatever its job contained. No value from a payload, a provider
 * or a clock may prevent the record of a sent mail.
 */
export function writableAttempt(row: AttemptRow): AttemptRow {
  return {
    ...row,
    task: name(row.task) ?? '',
    attempt: whole(row.attempt, 2 ** 31 - 1),
    donation_id: name(row.donation_id),
    started_at: date(row.started_at),
    latency_ms: whole(row.latency_ms, MAX_MS),
    duration_ms: whole(row.duration_ms, MAX_MS),
    error_class: name(row.error_class),
    error_code: name(row.error_code),
    error_message: text(row.error_message, MAX_MESSAGE),
    fingerprint: name(row.fingerprint),
    http_status: status(row.http_status),
    request_id: name(row.request_id),
    next_in_ms: row.next_in_ms === null ? null : whole(row.next_in_ms, MAX_DELAY_MS),
  };
}

/** Makes a verdict storable. */
export function writableVerdict(row: VerdictRow): VerdictRow {
  return {
    ...row,
    task: name(row.task) ?? '',
    donation_id: name(row.donation_id),
    attempt: whole(row.attempt, 2 ** 31 - 1),
    delay_ms: row.delay_ms === null ? null : whole(row.delay_ms, MAX_DELAY_MS),
    // Graphile Worker stores attempts as smallint.
    attempts: row.attempts === null ? null : whole(row.attempts, 32_767),
    error_class: name(row.error_class) ?? '',
    error_code: name(row.error_code),
    message: text(row.message, MAX_MESSAGE) ?? '',
    fingerprint: name(row.fingerprint) ?? '',
  };
}

/**
 * JSON that Postgres accepts as `json` and can convert to text: without NUL and lone surrogates.
 */
export function writableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'string' ? storableText(inner) : inner,
  );
}

const text = (value: unknown, max: number): string | null =>
  value === null || value === undefined ? null : String(value).slice(0, max);

const name = (value: unknown): string | null => text(value, MAX_NAME);

const whole = (value: number, max: number): number =>
  Number.isNaN(value) ? 0 : Math.round(Math.min(Math.max(0, value), max));

const status = (value: number | null): number | null =>
  value !== null && Number.isInteger(value) && value >= 100 && value <= 999 ? value : null;

function date(value: string): string {
  const at = Date.parse(value);
  if (at >= EARLIEST && at <= LATEST) return value;
  return new Date(at > LATEST ? LATEST : EARLIEST).toISOString();
}
