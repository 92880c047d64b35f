import { Command } from 'commander';
import { formatMoney } from '../../lib/money.ts';
import { type Column, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { SendAttempt } from '../../lib/receipts/attempts.ts';
import type { Receipt } from '../../lib/receipts/find-receipt.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { openDashboard, withOpen } from '../shared/dashboard.ts';
import { donorColumn } from '../shared/donor-column.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const amount = ({ content }: Receipt) => ({
  minor: BigInt(content.amountMinor),
  currency: content.currency,
});

/** A receipt with what was tried to send it. */
type Shown = Receipt & { attempts: SendAttempt[] };

const COLUMNS: Column<Shown>[] = [
  { name: 'number', header: 'RECEIPT', value: (r) => r.number },
  { name: 'receipt', header: 'ID', value: (r) => r.id },
  { name: 'kind', header: 'KIND', value: (r) => r.kind },
  { name: 'status', header: 'STATUS', value: (r) => r.status },
  { name: 'void_reason', header: 'VOID BECAUSE', value: (r) => r.voidReason },
  { name: 'replaces', header: 'REPLACES', value: (r) => r.replaces },
  { name: 'replaced_by', header: 'REPLACED BY', value: (r) => r.replacedBy },
  { name: 'donation', header: 'DONATION', value: (r) => r.donationId },
  {
    name: 'amount_minor',
    header: 'AMOUNT',
    value: (r) => amount(r).minor,
    text: (r) => formatMoney(amount(r)),
  },
  { name: 'gift_count', header: 'GIFTS', value: (r) => r.content.statement?.gifts.length },
  { name: 'currency', header: '', value: (r) => r.content.currency, text: () => '' },
  donorColumn(({ content: { donor } }) => ({
    id: donor.id,
    name: donor.name,
    email: donor.email || null,
  })),
  { name: 'received_on', header: 'RECEIVED', value: (r) => r.content.receivedOn },
  { name: 'issued_on', header: 'ISSUED', value: (r) => r.content.issuedOn },
  {
    name: 'deliveries',
    header: 'DELIVERIES',
    value: (r) =>
      r.deliveries.map((d) => ({
        delivery: d.id,
        kind: d.kind,
        channel: d.channel,
        status: d.status,
        recipient: d.recipient,
        job: d.jobId ?? null,
        message_id: d.messageId ?? null,
        accepted_at: d.acceptedAt ?? null,
        resends: d.resends,
        bounced_at: d.bouncedAt ?? null,
        bounce_reason: d.bounceReason ?? null,
        reason: d.reason ?? null,
        evidence: d.evidence ?? null,
      })),
    text: (r) =>
      r.deliveries
        .map(
          (d) =>
            `${d.kind} ${d.status} to ${d.recipient}${d.reason && d.status !== 'accepted' ? ` (${d.reason})` : ''}${d.evidence ? ` (${d.evidence})` : ''}${d.bounceReason ? `, and did not arrive (${d.bounceReason})` : ''}`,
        )
        .join('; '),
  },
  {
    name: 'history',
    header: 'ATTEMPTS',
    value: (r) =>
      r.attempts.map((a) => ({
        started_at: a.at,
        job: a.jobId,
        attempt: a.attempt,
        outcome: a.outcome,
        error: a.why,
        http_status: a.httpStatus,
        request_id: a.requestId,
      })),
    text: (r) =>
      r.attempts
        .map(({ at, outcome, why }) => `${at.toISOString()} ${outcome}${why ? ` (${why})` : ''}`)
        .join('; '),
  },
];

/** `donations receipts show <id>`: one receipt, its deliveries and attempts. */
export function receiptsShowCommand(context: Context): Command {
  const command = withOpen(new Command('show'))
    .description('one receipt, its deliveries, and each attempt to send it')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'receipt, receipt number, delivery, donation or job id',
        recent('receipt', 'delivery', 'donation'),
      ),
    );
  return examples(withOutput(command, COLUMNS), [
    ['donations receipts show 2026-000042', 'by its number'],
    ['donations receipts show rcp_01jd2x --json', 'by the beginning of its id, for a script'],
  ]).action(async (ref: string, options: OutputOptions & { open?: boolean }) => {
    if (options.open) {
      const { mailPage } = await import('../shared/provider-pages.ts');
      return openDashboard(context, (tx) => mailPage(tx, ref));
    }
    const [{ findReceipt }, { listSendAttempts }] = await Promise.all([
      import('../../lib/receipts/find-receipt.ts'),
      import('../../lib/receipts/attempts.ts'),
    ]);
    const shown = await context.read(async (tx) => {
      const receipt = await findReceipt(tx, ref);
      return { ...receipt, attempts: await listSendAttempts(tx, receipt.donationId) };
    });
    renderOne(context.io, options, COLUMNS, shown);
  });
}
