import type { Queryable } from '../../lib/db/database.ts';
import { loadDonation } from '../../lib/donations/donation.ts';
import { describeDonor } from '../../lib/donors/page.ts';
import type { ProviderPage } from '../../lib/providers/dashboards.ts';
import type { JobDetail } from '../../lib/queue/read/detail.ts';
import { findReceipt } from '../../lib/receipts/find-receipt.ts';

type Page = ProviderPage | undefined;

/** The payment of a donation, if a card was charged or is going to be. */
export async function paymentPage(tx: Queryable, donation: string): Promise<Page> {
  const { charge } = await loadDonation(tx, donation);
  return charge?.paymentIntentId ? { of: 'payment', id: charge.paymentIntentId } : undefined;
}

/** The donor's customer page at Stripe. For a donor who never gave by card: the mails to the address. */
export async function donorPage(tx: Queryable, donor: string): Promise<Page> {
  const { customer, emails } = await describeDonor(tx, donor);
  if (customer) return { of: 'customer', id: customer };
  const [to] = emails;
  return to === undefined ? undefined : { of: 'mail', to, messageId: undefined };
}

/** The mails of a receipt, which may be named in any way: of the given job, or else the last. */
export async function mailPage(tx: Queryable, ref: string, job?: string): Promise<Page> {
  const { deliveries } = await findReceipt(tx, ref);
  const ofJob = deliveries.find(({ jobId }) => job !== undefined && jobId === job);
  const delivery = ofJob ?? deliveries.at(-1);
  return delivery && { of: 'mail', to: delivery.recipient, messageId: delivery.messageId };
}

/** What a job last asked a provider for: its mail, its request, or the payment that it is about. */
export async function jobPage(tx: Queryable, job: JobDetail): Promise<Page> {
  const { id, task, donation, attempts } = job;
  if (task === 'send_receipt') return mailPage(tx, id, id);
  const request = attempts.findLast(({ requestId }) => requestId?.startsWith('req_'))?.requestId;
  if (request) return { of: 'request', id: request };
  return donation ? paymentPage(tx, donation) : undefined;
}
