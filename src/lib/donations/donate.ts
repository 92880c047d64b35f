import { localDate } from '../clock.ts';
import type { Queryable } from '../db/database.ts';
import { UserError, usageError } from '../errors.ts';
import { newId } from '../ids.ts';
import { looksLikeCardNumber } from '../mask.ts';
import { type Money, parseAmount, parseCurrency } from '../money.ts';
import { ProviderError } from '../providers/errors.ts';
import { enqueue, type JobSpec } from '../queue/enqueue.ts';
import { type ChargeDeps, type Charged, chargeDonation, failDonation } from './charge.ts';
import { loadDonation } from './donation.ts';

/** A donation as it comes in: everything is still text that somebody typed. */
export interface DonateInput {
  amount: string;
  currency: string;
  email: string;
  name: string;
  paymentMethod: string;
  fund?: string | undefined;
  campaign?: string | undefined;
}

/** A donation that was checked. */
export interface NewDonation {
  amount: Money;
  email: string;
  name: string;
  paymentMethod: string;
  fund: string | undefined;
  campaign: string | undefined;
}

/** How long after a charge begins somebody looks whether its process lived to finish it. */
const SETTLE_AFTER_MS = 60_000;
const SETTLE_SOON_MS = 2000;

/**
 * Checks a donation before anything is written.
 * @throws UserError `usage` that names the first thing wrong.
 */
export function checkDonation(input: DonateInput, locale: string): NewDonation {
  for (const [option, text] of [
    ['--payment-method', input.paymentMethod],
    ['--name', input.name],
    ['--email', input.email],
    ['--fund', input.fund],
    ['--campaign', input.campaign],
  ]) {
    if (text && looksLikeCardNumber(text)) {
      throw usageError(
        `${option} looks like a card number, which must never come here`,
        'Give the id that Stripe.js made of the card: pm_… or tok_….',
      );
    }
  }
  const name = input.name.trim();
  if (name === '')
    throw usageError('--name is empty', 'Give the donor’s name as it should stand on the receipt.');
  const email = checkEmail(input.email);
  if (!/^(pm|tok)_[A-Za-z0-9_]+$/.test(input.paymentMethod)) {
    throw usageError(
      `"${input.paymentMethod}" is not a payment method`,
      'Give Stripe’s id: pm_… or tok_…; in the sandbox for example pm_card_visa.',
    );
  }
  return {
    amount: parseAmount(input.amount, parseCurrency(input.currency), locale),
    email,
    name,
    paymentMethod: input.paymentMethod,
    fund: input.fund?.trim() || undefined,
    campaign: input.campaign?.trim() || undefined,
  };
}

/** An e-mail address, trimmed. @throws UserError `usage`. */
export function checkEmail(text: string): string {
  const email = text.trim();
  // At most 254 characters: RFC 5321, section 4.5.3.1, less the angle brackets.
  if (!/^[^\s@<>"(),;:\\[\]]+@[^\s@.]+(\.[^\s@.]+)+$/.test(email) || email.length > 254) {
    throw usageError(`"${text}" is not an e-mail address`, 'Write it like ada@example.org.');
  }
  return email;
}

/**
 * Records a donation and charges it at once. The job that repairs an interrupted charge is
 * enqueued with the donation itself, so that a process that dies anywhere loses nothing.
 *
 * @throws ProviderError when Stripe gave no answer: the donation stays `processing` and is settled
 *   in the background.
 */
export async function donateNow(
  deps: ChargeDeps,
  donation: NewDonation,
  onRecorded: (id: string) => void = () => {},
): Promise<Charged> {
  const id = await deps.db.transaction(async (tx) => {
    const id = await insertDonation(tx, deps, donation, 'processing');
    await enqueue(tx, [settleJob(id, SETTLE_AFTER_MS)]);
    return id;
  });
  onRecorded(id);
  try {
    return await chargeDonation(deps, id);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (error.errorClass !== 'permanent') {
      // We live to know that there was no answer: nobody need wait a minute to find out.
      await enqueue(deps.db, [settleJob(id, error.retryAfterMs ?? SETTLE_SOON_MS)]);
      throw error;
    }
    await deps.db.transaction((tx) =>
      failDonation(tx, id, { code: error.code ?? 'refused', reason: error.message }),
    );
    return { donation: await loadDonation(deps.db, id), requestId: error.requestId };
  }
}

/** The job that finishes a charge which nobody finished. */
const settleJob = (id: string, inMs: number): JobSpec => ({
  task: 'settle_donation',
  payload: { donation_id: id },
  key: id,
  inMs,
});

/** Records a donation and leaves the charge to a job. */
export async function donateInBackground(
  deps: Pick<ChargeDeps, 'db' | 'config' | 'clock'>,
  donation: NewDonation,
): Promise<string> {
  return deps.db.transaction(async (tx) => {
    const id = await insertDonation(tx, deps, donation, 'pending');
    await enqueue(tx, [{ task: 'charge_card', payload: { donation_id: id }, key: `charge:${id}` }]);
    return id;
  });
}

async function insertDonation(
  tx: Queryable,
  { config, clock }: Pick<ChargeDeps, 'config' | 'clock'>,
  donation: NewDonation,
  status: 'pending' | 'processing',
): Promise<string> {
  const donor = await tx.query<{ id: string }>(
    `insert into donations.donors (id, name, email, locale) values ($1, $2, $3, $4)
     on conflict (lower(email), lower(name)) do update set name = donors.name
     returning id`,
    [newId('donor'), donation.name, donation.email, config.organization.locale],
  );
  const id = newId('donation');
  const now = clock.now();
  await tx.query(
    `insert into donations.donations
       (id, donor_id, amount_minor, currency, status, payment_method, fund, campaign, received_on, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      id,
      donor.rows[0]?.id,
      donation.amount.minor,
      donation.amount.currency,
      status,
      donation.paymentMethod,
      donation.fund ?? null,
      donation.campaign ?? null,
      localDate(now, config.organization.timeZone),
      now,
    ],
  );
  return id;
}

/** What to tell somebody whose charge got no answer from Stripe. */
export function chargePending(id: string, error: ProviderError): UserError {
  return new UserError(
    'try_again',
    `${error.message}. Donation ${id} is recorded and will be charged once, in the background`,
    `Do not enter it again. See what becomes of it: donations show ${id}`,
  );
}
