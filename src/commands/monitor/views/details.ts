import type { WholeAuditEntry } from '../../../lib/audit/entries.ts';
import type { Story, StoryEvent } from '../../../lib/donations/story.ts';
import { formatMoney } from '../../../lib/money.ts';
import { grouped } from '../../../lib/output/text.ts';
import { formatDuration, formatRelative } from '../../../lib/output/time.ts';
import { textWidth, wrapText } from '../../../lib/output/width.ts';
import type { JobDetail, LedgerAttempt } from '../../../lib/queue/read/detail.ts';
import { widthOf } from '../text.ts';
import type { Span, Theme } from '../theme.ts';
import { stateSpan, timeOf } from './cells.ts';

const NAME = 12;

/** A fact with its name, in as many lines as it takes. */
export function fact(name: string, value: string | Span[], width: number): Span[][] {
  const head: Span = { text: `  ${name.padEnd(NAME)} `, tone: 'dim' };
  if (typeof value !== 'string') return [[head, ...value]];
  const blank: Span = { text: ' '.repeat(NAME + 3) };
  return wrapText(value, Math.max(20, width - NAME - 4)).map((text, i) => [
    i === 0 ? head : blank,
    { text },
  ]);
}

/** The heading of a part. */
export const heading = (text: string): Span[][] => [[], [{ text, bold: true }]];
/** A moment, and how long ago it is. */
export const stamp = (at: Date, now: Date) =>
  `${at.toISOString().slice(0, 19)}Z, ${formatRelative(at, now)}`;

/** Everything that is known of one job. */
export function jobLines(detail: JobDetail, nowMs: number, theme: Theme, width: number): Span[][] {
  const now = new Date(nowMs);
  const { job, discarded, pause, worker } = detail;
  const lines: Span[][] = [
    ...fact('task', [{ text: detail.task, bold: true }], width),
    ...fact('state', [stateSpan(detail.state, theme)], width),
  ];
  if (job) {
    lines.push(...fact('attempts', `${job.attempts} of ${job.maxAttempts}`, width));
    if (job.state === 'scheduled' || job.state === 'retrying' || job.state === 'ready')
      lines.push(...fact('runs', stamp(job.runAt, now), width));
    lines.push(...fact('enqueued', stamp(job.createdAt, now), width));
    if (job.error) lines.push(...fact('last error', job.error, width));
    if (job.donorName) lines.push(...fact('donor', job.donorName, width));
  }
  if (detail.donation)
    lines.push(
      ...fact(
        'donation',
        [
          { text: detail.donation },
          { text: `   ${theme.glyphs.enter} its whole story`, tone: 'accent' },
        ],
        width,
      ),
    );
  if (detail.settled)
    lines.push(
      ...fact(
        'settled',
        `its donation is ${detail.settled}: running it again changes nothing`,
        width,
      ),
    );
  if (detail.key) lines.push(...fact('key', detail.key, width));
  if (worker)
    lines.push(...fact('worker', `${worker.id} on ${worker.host}, pid ${worker.pid}`, width));
  if (pause)
    lines.push(
      ...fact('paused', [{ text: `${pause.task}: ${pause.reason}`, tone: 'warn' }], width),
    );
  if (discarded) {
    const who = `by ${discarded.actor ?? 'somebody'}${discarded.reason ? `: ${discarded.reason}` : ''}`;
    lines.push(
      ...fact('discarded', `${stamp(discarded.discardedAt, now)} ${who}`, width),
      ...(discarded.restoredAs
        ? fact('restored as', `job ${discarded.restoredAs}`, width)
        : fact('undo', [{ text: 'u restores it', tone: 'accent' }], width)),
    );
  }
  if (detail.payload !== undefined) {
    lines.push(...heading('Payload'));
    for (const text of JSON.stringify(detail.payload, null, 2).split('\n'))
      lines.push([{ text: `  ${text}` }]);
  }
  lines.push(...heading(`Attempts (${detail.attempts.length})`));
  if (detail.attempts.length === 0)
    lines.push([{ text: '  It was never run, as far as the ledger goes back.', tone: 'dim' }]);
  for (const attempt of detail.attempts) lines.push(...attemptLines(attempt, theme, width));
  return lines;
}

function attemptLines(attempt: LedgerAttempt, theme: Theme, width: number): Span[][] {
  const facts = [
    `took ${formatDuration(attempt.durationMs)}`,
    `waited ${formatDuration(attempt.latencyMs)}`,
    attempt.httpStatus && `HTTP ${attempt.httpStatus}`,
    attempt.errorClass,
    attempt.requestId,
    attempt.nextRunAt && `again at ${timeOf(attempt.nextRunAt)}`,
    attempt.worker,
  ].filter(Boolean);
  const between = ` ${theme.glyphs.between} `;
  return [
    [
      { text: `  ${String(attempt.attempt).padStart(2)}  ${timeOf(attempt.startedAt)}  ` },
      stateSpan(attempt.outcome, theme),
      { text: `  ${facts.join(between)}`, tone: 'dim' },
    ],
    ...(attempt.error
      ? wrapText(attempt.error, Math.max(20, width - 17)).map((text): Span[] => [
          { text: `                ${text}` },
        ])
      : []),
  ];
}

/** A donation's whole story. */
export function donationLines(story: Story, nowMs: number, theme: Theme, width: number): Span[][] {
  const { donation, receipts, jobs, events } = story;
  const now = new Date(nowMs);
  const lines: Span[][] = [
    ...fact('donation', [{ text: donation.id, bold: true }], width),
    ...fact('amount', [{ text: formatMoney(donation.amount), bold: true }], width),
    ...fact('status', [stateSpan(donation.status, theme)], width),
    ...fact('donor', `${donation.donor.name} <${donation.donor.email}>`, width),
  ];
  if (donation.fund) lines.push(...fact('fund', donation.fund, width));
  if (donation.campaign) lines.push(...fact('campaign', donation.campaign, width));
  for (const receipt of receipts) {
    for (const delivery of receipt.deliveries) {
      lines.push(
        ...fact(
          'receipt',
          [
            { text: `${receipt.number} `, bold: true },
            ...(delivery.kind === 'copy' ? [{ text: '(copy) ', tone: 'dim' as const }] : []),
            stateSpan(delivery.status, theme),
            { text: `  to ${delivery.recipient}`, tone: 'dim' },
            ...(delivery.status === 'held'
              ? [{ text: '   o resolves it', tone: 'accent' as const }]
              : []),
          ],
          width,
        ),
        ...(delivery.reason ? fact('', delivery.reason, width) : []),
      );
    }
  }
  if (jobs.length > 0) lines.push(...heading('Still to come'));
  for (const job of jobs) {
    const when =
      job.state === 'running'
        ? 'now'
        : job.state === 'held' || job.state === 'failed'
          ? ''
          : formatRelative(job.runAt, now);
    lines.push([
      { text: `  job ${job.id} ${job.task}  ` },
      stateSpan(job.state, theme),
      { text: `  ${when}`, tone: 'dim' },
      ...(job.lastError ? [{ text: `  ${job.lastError}` }] : []),
    ]);
  }
  lines.push(...heading('What happened'));
  const start = events[0]?.at.getTime() ?? donation.createdAt.getTime();
  for (const event of events) lines.push(...eventLines(event, start, theme, width));
  return lines;
}

function eventLines(event: StoryEvent, start: number, theme: Theme, width: number): Span[][] {
  const since = event.at.getTime() - start;
  const when = since === 0 ? timeOf(event.at) : `+${formatDuration(since)}`;
  const facts = [
    event.job && `job ${event.job}`,
    event.durationMs !== undefined && `took ${formatDuration(event.durationMs)}`,
    event.httpStatus && `HTTP ${event.httpStatus}`,
    event.requestId,
    event.nextRunAt && `again at ${timeOf(event.nextRunAt)}`,
  ]
    .filter(Boolean)
    .join(` ${theme.glyphs.between} `);
  const glyph = event.outcome ? stateSpan(event.outcome, theme) : undefined;
  const head: Span[] = [
    { text: `${when.padStart(10)}  `, tone: 'dim' },
    {
      text: `${glyph?.text.slice(0, glyph.text.indexOf(' ')) ?? theme.glyphs.idle} `,
      tone: glyph?.tone ?? 'dim',
    },
  ];
  const blank: Span = { text: ' '.repeat(widthOf(head)) };
  const room = Math.max(20, width - widthOf(head));
  const lines = wrapText(event.text, room).map((text, i): Span[] => [
    ...(i === 0 ? head : [blank]),
    { text },
  ]);
  if (facts === '') return lines;
  const last = lines.at(-1) as Span[];
  if (widthOf(last) + 2 + textWidth(facts) <= width) last.push({ text: `  ${facts}`, tone: 'dim' });
  else lines.push([blank, { text: facts, tone: 'dim' }]);
  return lines;
}

/** One entry of the audit trail, with its chunks. */
export function changeLines(entry: WholeAuditEntry, nowMs: number, width: number): Span[][] {
  const now = new Date(nowMs);
  const lines: Span[][] = [
    ...fact(
      'change',
      [
        { text: entry.action, bold: true },
        { text: `  ${entry.id}`, tone: 'dim' },
      ],
      width,
    ),
    ...fact('when', stamp(entry.at, now), width),
    ...fact('who', `${entry.actor}@${entry.host}`, width),
  ];
  if (entry.command) lines.push(...fact('command', entry.command, width));
  if (entry.subject) lines.push(...fact('of', entry.subject, width));
  if (entry.filter) lines.push(...fact('filter', entry.filter, width));
  if (entry.reason) lines.push(...fact('why', entry.reason, width));
  if (entry.affected !== null) lines.push(...fact('changed', grouped(entry.affected), width));
  if (entry.restorable > 0) {
    lines.push(
      ...fact('undo', [{ text: `u restores ${grouped(entry.restorable)}`, tone: 'accent' }], width),
    );
  }
  lines.push(...heading('Detail'), ...jsonLines(entry.detail));
  if (entry.chunks.length > 0) {
    const shown =
      entry.chunks.length < entry.chunkCount ? `, the first ${entry.chunks.length}` : '';
    lines.push(...heading(`Transactions (${entry.chunkCount}${shown})`));
    for (const chunk of entry.chunks) {
      lines.push([
        { text: `  ${timeOf(chunk.at)}  `, tone: 'dim' },
        { text: `${chunk.affected ?? 0} changed  ` },
        { text: JSON.stringify(chunk.detail), tone: 'dim' },
      ]);
    }
  }
  return lines;
}

const jsonLines = (value: unknown): Span[][] =>
  JSON.stringify(value, null, 2)
    .split('\n')
    .map((text) => [{ text: `  ${text}` }]);
