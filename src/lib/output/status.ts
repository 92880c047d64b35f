import type { Tone } from './io.ts';

/**
 * The glyph, tone and text of a status, everywhere the same. Colour alone never carries the
 * meaning.
 */
export interface StatusLook {
  glyph: string;
  tone: Tone;
  word: string;
}

/** Glyphs by tone, where there is no status. */
export const GLYPHS: Record<Tone, string> = { good: '●', warn: '▲', bad: '✕', dim: ' ', bold: ' ' };

/** The statuses of donations, deliveries, jobs, attempts, workers, tasks and checks. */
const LOOKS = {
  // Donations.
  processing: ['◷', 'warn'],
  requires_action: ['▲', 'warn', 'waits for the donor'],
  succeeded: ['●', 'good'],
  refunded: ['‖', 'dim'],
  partly_refunded: ['▲', 'warn', 'partly refunded'],
  disputed: ['▲', 'bad'],
  // Deliveries of receipts, and receipts.
  pending: ['◷', 'warn'],
  sending: ['▶', 'warn'],
  accepted: ['●', 'good'],
  abandoned: ['✕', 'bad'],
  issued: ['●', 'good'],
  void: ['‖', 'dim'],
  // Jobs.
  ready: ['●', 'good'],
  running: ['▶', 'good'],
  scheduled: ['◷', 'dim'],
  retrying: ['▲', 'warn'],
  failed: ['✕', 'bad'],
  held: ['‖', 'bad'],
  stuck: ['▲', 'bad'],
  done: ['●', 'good'],
  discarded: ['‖', 'dim'],
  // Attempts.
  declined: ['✕', 'bad'],
  retry: ['▲', 'warn'],
  parked: ['‖', 'warn'],
  // Workers.
  alive: ['●', 'good'],
  gone: ['✕', 'bad'],
  released: ['✕', 'bad'],
  stopped: ['‖', 'dim'],
  // Tasks.
  paused: ['‖', 'warn'],
  late: ['▲', 'bad'],
  unfinished: ['✕', 'bad'],
  // Checks.
  ok: ['●', 'good'],
  warning: ['▲', 'warn'],
  critical: ['✕', 'bad'],
  skipped: ['‖', 'dim'],
} as const satisfies Record<string, readonly [glyph: string, tone: Tone, word?: string]>;

export type Status = keyof typeof LOOKS;

/** The look of a status. An unknown status is shown unchanged. */
export function lookOf(status: string): StatusLook {
  if (!Object.hasOwn(LOOKS, status)) return { glyph: '·', tone: 'dim', word: status };
  const [glyph, tone, word]: readonly [string, Tone, string?] = LOOKS[status as Status];
  return { glyph, tone, word: word ?? status };
}

/** `✕ failed`. */
export function statusText(status: string): string {
  const { glyph, word } = lookOf(status);
  return `${glyph} ${word}`;
}

export const statusTone = (status: string): Tone => lookOf(status).tone;
