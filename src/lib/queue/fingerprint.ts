import { createHash } from 'node:crypto';

/**
 * Reduces a message to its cause by removing what differs from job to job: ids, numbers, addresses,
 * times.
 */
export function normaliseMessage(message: string): string {
  return message
    .replace(/[^\s@<>"']+@[^\s@<>"']+/g, '<address>')
    .replace(/\b[a-z]{2,5}_[A-Za-z0-9_]{8,}\b/g, '<id>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, '<id>')
    .replace(/\d+(?:[.:,-]\d+)*/g, '<n>')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}

/** A short identifier of an error class and cause, the same for every task. */
export function fingerprint(errorClass: string, message: string): string {
  return createHash('sha256')
    .update(`${errorClass}\n${normaliseMessage(message)}`)
    .digest('hex')
    .slice(0, 12);
}
