import type { Story, StoryEvent } from '../../../lib/donations/story.ts';
import { decimalAmount } from '../../../lib/money.ts';
import type { Column } from '../../../lib/output/render.ts';
import { deliveryFields } from '../../shared/delivery-fields.ts';

const field = (name: string, value: (story: Story) => unknown): Column<Story> => ({
  name,
  header: name.replaceAll('_', ' ').toUpperCase(),
  value,
});

/** One donation with all that is known of it, for scripts. */
export const STORY_FIELDS: Column<Story>[] = [
  field('donation', ({ donation }) => donation.id),
  field('status', ({ donation }) => donation.status),
  field('amount_minor', ({ donation }) => donation.amount.minor),
  field('amount', ({ donation }) => decimalAmount(donation.amount)),
  field('currency', ({ donation }) => donation.amount.currency),
  field('refunded_minor', ({ donation }) => donation.refundedMinor),
  field('method', ({ donation }) => donation.method),
  field('donor', ({ donation: { donor } }) => ({
    id: donor.id,
    name: donor.name,
    email: donor.email ?? null,
  })),
  field('fund', ({ donation }) => donation.fund),
  field('campaign', ({ donation }) => donation.campaign),
  field('payment_intent', ({ donation }) => donation.charge?.paymentIntentId),
  field('decline_code', ({ donation }) => donation.charge?.failure?.code),
  field('failure', ({ donation }) => donation.charge?.failure?.reason),
  field('card', ({ donation }) => donation.charge?.card),
  field('card_saved_at', ({ donation }) => donation.charge?.cardSavedAt),
  field('created_at', ({ donation }) => donation.createdAt),
  field('settled_at', ({ donation }) => donation.settledAt),
  field('mails_sent', ({ mails }) => mails.sent),
  field('mails_maybe_sent', ({ mails }) => mails.maybeSent),
  field('receipts', ({ receipts }) =>
    receipts.map((receipt) => ({
      receipt: receipt.id,
      number: receipt.number,
      status: receipt.status,
      deliveries: receipt.deliveries.map(deliveryFields),
    })),
  ),
  field('jobs', ({ jobs }) =>
    jobs.map((job) => ({
      job: job.id,
      task: job.task,
      status: job.state,
      attempts: job.attempts,
      max_attempts: job.maxAttempts,
      run_at: job.runAt,
      locked_by: job.lockedBy,
      last_error: job.lastError,
    })),
  ),
  field('events', ({ events }) => events.map(eventFields)),
];

const eventFields = (event: StoryEvent) => ({
  at: event.at,
  what: event.what,
  text: event.text,
  task: event.task ?? null,
  job: event.job ?? null,
  attempt: event.attempt ?? null,
  outcome: event.outcome ?? null,
  duration_ms: event.durationMs ?? null,
  latency_ms: event.latencyMs ?? null,
  error_class: event.errorClass ?? null,
  http_status: event.httpStatus ?? null,
  request_id: event.requestId ?? null,
  next_run_at: event.nextRunAt ?? null,
  actor: event.decision?.actor ?? null,
  action: event.decision?.action ?? null,
  reason: event.decision?.reason ?? null,
  audit: event.decision?.id ?? null,
});
