import type { Story, StoryEvent, StoryReceipt } from '../../../lib/donations/story.ts';
import { formatMoney } from '../../../lib/money.ts';
import { type Io, paint, plain, print, say } from '../../../lib/output/io.ts';
import { statusTone } from '../../../lib/output/status.ts';
import { plural } from '../../../lib/output/text.ts';
import { formatDuration, formatRelative, inZone } from '../../../lib/output/time.ts';

const toned = (io: Io, status: string) => paint(io, statusTone(status), status);

/** Prints everything about one donation, in the times of one zone, which is named once. */
export function tellStory(io: Io, story: Story, { now, zone }: { now: Date; zone: string }): void {
  const { donation, receipts, mails, events } = story;
  const { donor, fund, campaign } = donation;
  print(
    io,
    `${paint(io, 'bold', donation.id)}  ${formatMoney(donation.amount)}  ${toned(io, donation.status)}`,
  );
  print(
    io,
    `${plain(donor.name)}${donor.email ? ` <${plain(donor.email)}>` : ''}${fund ? `  fund ${plain(fund)}` : ''}${campaign ? `  campaign ${plain(campaign)}` : ''}`,
  );
  for (const receipt of receipts) tellReceipt(io, receipt);
  if (receipts.length > 0) print(io, mailsLine(mails));
  const first = inZone(events[0]?.at ?? donation.createdAt, zone);
  print(io, `\n${paint(io, 'dim', `${first.day}, times of ${zone}`)}`);
  let day = first.day;
  for (const event of events) {
    const at = inZone(event.at, zone);
    if (at.day !== day) print(io, paint(io, 'dim', at.day));
    day = at.day;
    print(io, eventLine(io, event, at.time, zone));
  }
  tellJobs(io, story, { now, zone });
  const held = receipts
    .flatMap((receipt) => receipt.deliveries)
    .find((delivery) => delivery.status === 'held');
  if (!held) return;
  say(io, `\nIf SendGrid says that it was sent: donations receipts resolve ${held.id} --sent`);
  say(io, `If it was not sent: donations receipts resolve ${held.id} --resend`);
}

function tellReceipt(io: Io, { number, deliveries }: StoryReceipt): void {
  for (const { kind, status, recipient, reason, evidence } of deliveries) {
    const why = [reason, evidence].flatMap((text) => (text ? plain(text) : [])).join('; ');
    print(
      io,
      `receipt ${number}${kind === 'copy' ? ' (copy)' : ''}  ${toned(io, status)}  to ${plain(recipient)}${why ? `: ${why}` : ''}`,
    );
  }
}

function mailsLine({ sent, maybeSent }: Story['mails']): string {
  const went = `${plural(sent, 'mail')} went out`;
  if (maybeSent === 0) return went;
  return `${went}, and ${sent > 0 ? `${maybeSent} more` : maybeSent} may have`;
}

function tellJobs(io: Io, { jobs }: Story, { now, zone }: { now: Date; zone: string }): void {
  for (const job of jobs) {
    const at = inZone(job.runAt, zone);
    const when =
      job.state === 'running' ? 'now' : `${formatRelative(job.runAt, now)} (${at.day} ${at.time})`;
    const ended = job.state === 'failed' || job.state === 'held';
    const rest = ended
      ? `: ${plain(job.lastError ?? '')}`
      : `, ${when}, attempt ${job.attempts + 1} of ${job.maxAttempts}`;
    print(
      io,
      `${paint(io, 'dim', '    next')}  job ${job.id} ${job.task} is ${toned(io, job.state)}${rest}`,
    );
  }
}

function eventLine(io: Io, event: StoryEvent, time: string, zone: string): string {
  const next = event.nextRunAt && inZone(event.nextRunAt, zone);
  const facts = [
    event.job && `job ${event.job}`,
    event.durationMs !== undefined && `took ${formatDuration(event.durationMs)}`,
    event.latencyMs !== undefined &&
      event.latencyMs >= 1000 &&
      `waited ${formatDuration(event.latencyMs)}`,
    event.httpStatus && `HTTP ${event.httpStatus}`,
    event.requestId,
    next && `next at ${next.day} ${next.time}`,
    event.decision && `audit ${event.decision.id}`,
  ].filter(Boolean);
  const text = event.outcome
    ? plain(event.text).replace(`: ${event.outcome}`, `: ${toned(io, event.outcome)}`)
    : plain(event.text);
  return `${paint(io, 'dim', time)}  ${text}${facts.length > 0 ? paint(io, 'dim', `  · ${facts.join(' · ')}`) : ''}`;
}
