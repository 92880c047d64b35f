import { formatRelative } from '../../../lib/output/time.ts';
import { findReceipt } from '../../../lib/receipts/find-receipt.ts';
import { resendReceipt } from '../../../lib/receipts/resend.ts';
import { resolveDelivery } from '../../../lib/receipts/resolve.ts';
import type { Request } from '../requests.ts';
import { type OperationDeps, operatorOf, type Planned } from './planned.ts';

export async function planResolve(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'resolve' }>,
): Promise<Planned> {
  const receipt = await deps.read((tx) => findReceipt(tx, request.ref));
  const held = receipt.deliveries.find(({ status }) => status === 'held');
  const last = receipt.deliveries.at(-1);
  return {
    title: held
      ? `Settle receipt ${receipt.number}, for which it is unknown whether it was sent`
      : `Receipt ${receipt.number} is not held${last ? `: it is ${last.status}` : ''}`,
    lines: held
      ? [
          `to           ${held.recipient}`,
          `held         ${held.reason ?? ''}`,
          ...(held.claimedAt ? [`handed over  ${formatRelative(held.claimedAt, deps.now())}`] : []),
          'Look for it at SendGrid first: a mail cannot be taken back.',
        ]
      : ['To send it again: e'],
    confirm: held
      ? {
          by: 'choice',
          choices: [
            { key: 'S', label: 'it was sent: nothing more goes out', outcome: 'sent' },
            { key: 'R', label: 'send it, although it may have been sent', outcome: 'resend' },
          ],
        }
      : { by: 'nothing' },
    total: 0,
    async apply(chosen) {
      const outcome = chosen.kind === 'resolve' ? chosen.outcome : undefined;
      if (!outcome) return { lines: ['Nothing was changed.'], stopped: true };
      const operator = await operatorOf(deps, chosen);
      const { recipient } = await resolveDelivery(await deps.db(), receipt, {
        ...operator,
        outcome,
      });
      return {
        lines: [
          outcome === 'sent'
            ? `Receipt ${receipt.number} counts as sent to ${recipient}.`
            : `Receipt ${receipt.number} goes to ${recipient}.`,
        ],
        stopped: false,
      };
    },
  };
}

export async function planResend(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'resend' }>,
): Promise<Planned> {
  const receipt = await deps.read((tx) => findReceipt(tx, request.ref));
  return {
    title: `Send receipt ${receipt.number} again, as a copy`,
    lines: [
      `to           ${receipt.content.donor.email}`,
      ...receipt.deliveries.map(
        (each) =>
          `${each.kind.padEnd(12)} ${each.status}${each.acceptedAt ? `, ${formatRelative(each.acceptedAt, deps.now())}` : ''}`,
      ),
      'effects      1 e-mail to 1 donor',
    ],
    confirm: { by: 'enter' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const sent = await resendReceipt(await deps.db(), receipt, operator);
      return {
        lines: [
          `A copy of receipt ${receipt.number} goes to ${sent.recipient} (job ${sent.jobId}).`,
        ],
        stopped: false,
      };
    },
  };
}
