import { Command } from 'commander';
import type { Story, StoryEvent } from '../lib/donations/story.ts';
import { formatMoney } from '../lib/money.ts';
import { type Io, paint, plain, print, say } from '../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../lib/output/render.ts';
import { statusTone } from '../lib/output/status.ts';
import { formatDuration, formatRelative } from '../lib/output/time.ts';
import type { Context } from './context.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

const FIELDS = fieldsOf(
  'id',
  'status',
  'amount_minor',
  'currency',
  'donor',
  'fund',
  'campaign',
  'payment_intent',
  'decline_code',
  'failure_reason',
  'card',
  'card_saved_at',
  'created_at',
  'settled_at',
  'receipts',
  'jobs',
  'events',
);

/** `donations show <id>`: one donation's whole story. */
export function showCommand(context: Context): Command {
  const command = new Command('show')
    .description('one donation as a timeline: charge, token, receipt, every job and attempt')
    .argument(
      '<id>',
      'donation (or the beginning of its id), receipt, receipt number, pi_…, job id, or a donor: e-mail address or name',
    );
  return examples(withOutput(command, FIELDS), [
    ['donations show don_01jd2x', 'by the beginning of its id'],
    ['donations show 2026-000042 --json', 'by a receipt number, for a script'],
  ]).action(async (ref: string, options: OutputOptions) => {
    const [{ findDonation }, { tellStory }] = await Promise.all([
      import('../lib/donations/find.ts'),
      import('../lib/donations/story.ts'),
    ]);
    const story = await context.read(async (tx) => tellStory(tx, await findDonation(tx, ref)));
    if (chosenFormat(options).format === 'table') tell(context.io, story, context.clock.now());
    else renderOne(context.io, options, FIELDS, toObject(story));
  });
}

const toned = (io: Io, status: string) => paint(io, statusTone(status), status);

function tell(io: Io, { donation, receipts, jobs, events }: Story, now: Date): void {
  const { donor } = donation;
  print(
    io,
    `${paint(io, 'bold', donation.id)}  ${formatMoney(donation.amount)}  ${toned(io, donation.status)}`,
  );
  print(
    io,
    `${plain(donor.name)}${donor.email ? ` <${plain(donor.email)}>` : ''}${donation.fund ? `  fund ${plain(donation.fund)}` : ''}${donation.campaign ? `  campaign ${plain(donation.campaign)}` : ''}`,
  );
  for (const receipt of receipts) {
    for (const delivery of receipt.deliveries) {
      print(
        io,
        `receipt ${receipt.number}${delivery.kind === 'copy' ? ' (copy)' : ''}  ${toned(io, delivery.status)}  to ${plain(delivery.recipient)}${delivery.reason ? `: ${plain(delivery.reason)}` : ''}`,
      );
    }
  }
  print(io, '');
  const start = events[0]?.at ?? donation.createdAt;
  for (const event of events) print(io, line(io, event, start));
  for (const job of jobs) {
    const when =
      job.state === 'running'
        ? 'now'
        : `${formatRelative(job.runAt, now)} (${job.runAt.toISOString()})`;
    const ended = job.state === 'failed' || job.state === 'held';
    print(
      io,
      `${paint(io, 'dim', 'next'.padStart(10))}  job ${job.id} ${job.task} is ${toned(io, job.state)}${ended ? `: ${plain(job.lastError ?? '')}` : `, ${when}, attempt ${job.attempts + 1} of ${job.maxAttempts}`}`,
    );
  }
  const held = receipts
    .flatMap((receipt) => receipt.deliveries)
    .find((delivery) => delivery.status === 'held');
  if (held) say(io, `\nNext: donations receipts resolve ${held.id} --sent | --resend`);
}

function line(io: Io, event: StoryEvent, start: Date): string {
  const since = event.at.getTime() - start.getTime();
  const when = since === 0 ? event.at.toISOString().slice(11, 19) : `+${formatDuration(since)}`;
  const facts = [
    event.job && `job ${event.job}`,
    event.durationMs !== undefined && `took ${formatDuration(event.durationMs)}`,
    event.latencyMs !== undefined &&
      event.latencyMs >= 1000 &&
      `waited ${formatDuration(event.latencyMs)}`,
    event.httpStatus && `HTTP ${event.httpStatus}`,
    event.requestId,
    event.nextRunAt && `next at ${event.nextRunAt.toISOString()}`,
  ].filter(Boolean);
  const text = event.outcome
    ? plain(event.text).replace(`: ${event.outcome}`, `: ${toned(io, event.outcome)}`)
    : plain(event.text);
  return `${paint(io, 'dim', when.padStart(10))}  ${text}${facts.length > 0 ? paint(io, 'dim', `  · ${facts.join(' · ')}`) : ''}`;
}

function toObject({ donation, receipts, jobs, events }: Story) {
  return {
    id: donation.id,
    status: donation.status,
    amount_minor: donation.amount.minor,
    currency: donation.amount.currency,
    donor: {
      id: donation.donor.id,
      name: donation.donor.name,
      email: donation.donor.email ?? null,
    },
    method: donation.method,
    refunded_minor: donation.refundedMinor,
    fund: donation.fund ?? null,
    campaign: donation.campaign ?? null,
    payment_intent: donation.charge?.paymentIntentId ?? null,
    decline_code: donation.charge?.failure?.code ?? null,
    failure_reason: donation.charge?.failure?.reason ?? null,
    card: donation.charge?.card ?? null,
    card_saved_at: donation.charge?.cardSavedAt ?? null,
    created_at: donation.createdAt,
    settled_at: donation.settledAt ?? null,
    receipts: receipts.map((receipt) => ({
      id: receipt.id,
      number: receipt.number,
      status: receipt.status,
      deliveries: receipt.deliveries.map((delivery) => ({
        id: delivery.id,
        kind: delivery.kind,
        status: delivery.status,
        recipient: delivery.recipient,
        message_id: delivery.messageId ?? null,
        reason: delivery.reason ?? null,
        evidence: delivery.evidence ?? null,
      })),
    })),
    jobs: jobs.map((job) => ({
      id: job.id,
      task: job.task,
      state: job.state,
      attempts: job.attempts,
      max_attempts: job.maxAttempts,
      run_at: job.runAt,
      locked_by: job.lockedBy,
      last_error: job.lastError,
    })),
    events: events.map((event) => ({
      at: event.at,
      what: event.what,
      text: event.text,
      task: event.task ?? null,
      job_id: event.job ?? null,
      attempt: event.attempt ?? null,
      outcome: event.outcome ?? null,
      duration_ms: event.durationMs ?? null,
      latency_ms: event.latencyMs ?? null,
      error_class: event.errorClass ?? null,
      http_status: event.httpStatus ?? null,
      request_id: event.requestId ?? null,
      next_run_at: event.nextRunAt ?? null,
    })),
  };
}
