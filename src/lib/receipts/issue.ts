import { createHash } from 'node:crypto';
import { type Clock, localDate } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Queryable } from '../db/database.ts';
import { newId } from '../ids.ts';
import { formatReceiptNumber, type ReceiptContent, TEMPLATE_VERSION } from './content.ts';

export interface IssuedReceipt {
  receiptId: string;
  /** The first delivery of it, pending. */
  deliveryId: string;
  number: string;
  recipient: string;
}

/**
 * Issues the receipt of a donation, in the transaction that settles it: takes the next number of
 * the series (the counter's row is locked until then, so numbers have no gaps), keeps what the
 * receipt says, and makes its first delivery. A donation that has a live receipt keeps it.
 *
 * Nothing is enqueued.
 */
export async function issueReceipt(
  tx: Queryable,
  { donationId, config, clock }: { donationId: string; config: Config; clock: Clock },
): Promise<IssuedReceipt> {
  const existing = await findIssued(tx, donationId);
  if (existing) return existing;
  const gift = await loadGift(tx, donationId);
  const issuedOn = localDate(clock.now(), config.organization.timeZone);
  const series = config.receipts.series ?? issuedOn.slice(0, 4);
  const number = await nextNumber(tx, series);
  const content = describeGift(gift, config, formatReceiptNumber(series, number), issuedOn);
  const json = JSON.stringify(content);
  const receiptId = newId('receipt');
  const deliveryId = newId('delivery');
  await tx.query(
    `with receipt as (
       insert into donations.receipts
         (id, donation_id, series, number, amount_minor, deductible_minor, currency, received_on,
          issued_on, locale, template_version, content, content_hash)
       values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12)
       returning id, donation_id
     )
     insert into donations.receipt_deliveries (id, receipt_id, donation_id, kind, recipient, status)
     select $13, id, donation_id, 'original', $14, 'pending' from receipt`,
    [
      receiptId,
      donationId,
      series,
      number,
      gift.amount_minor,
      gift.currency,
      gift.received_on,
      issuedOn,
      content.locale,
      TEMPLATE_VERSION,
      json,
      createHash('sha256').update(json).digest('hex'),
      deliveryId,
      gift.email,
    ],
  );
  return { receiptId, deliveryId, number: content.number, recipient: gift.email };
}

interface Gift {
  id: string;
  amount_minor: bigint;
  currency: string;
  received_on: string;
  fund: string | null;
  campaign: string | null;
  card_brand: string | null;
  card_last4: string | null;
  donor_id: string;
  name: string;
  email: string;
  address: string[];
  locale: string;
}

async function loadGift(tx: Queryable, donationId: string): Promise<Gift> {
  const { rows } = await tx.query<Gift>(
    `select d.id, d.amount_minor, d.currency, d.received_on, d.fund, d.campaign, d.card_brand,
       d.card_last4, r.id as donor_id, r.name, r.email, r.address, r.locale
     from donations.donations d join donations.donors r on r.id = d.donor_id where d.id = $1`,
    [donationId],
  );
  if (!rows[0]) throw new Error(`no donation ${donationId} to issue a receipt for`);
  return rows[0];
}

async function findIssued(tx: Queryable, donationId: string): Promise<IssuedReceipt | undefined> {
  const { rows } = await tx.query<{
    id: string;
    delivery: string;
    number: string;
    recipient: string;
  }>(
    `select r.id, d.id as delivery, r.content->>'number' as number, d.recipient
     from donations.receipts r join donations.receipt_deliveries d on d.receipt_id = r.id and d.kind = 'original'
     where r.donation_id = $1 and r.status = 'issued'`,
    [donationId],
  );
  const row = rows[0];
  return (
    row && {
      receiptId: row.id,
      deliveryId: row.delivery,
      number: row.number,
      recipient: row.recipient,
    }
  );
}

async function nextNumber(tx: Queryable, series: string): Promise<bigint> {
  const { rows } = await tx.query<{ last_number: bigint }>(
    `insert into donations.receipt_counters (series, last_number) values ($1, 1)
     on conflict (series) do update set last_number = receipt_counters.last_number + 1
     returning last_number`,
    [series],
  );
  return (rows[0] as { last_number: bigint }).last_number;
}

function describeGift(
  gift: Gift,
  config: Config,
  number: string,
  issuedOn: string,
): ReceiptContent {
  const { legalName, address, taxId, email, country } = config.organization;
  return {
    number,
    mode: config.mode,
    organization: { legalName, address, taxId, email, country },
    donor: { id: gift.donor_id, name: gift.name, email: gift.email, address: gift.address },
    donationId: gift.id,
    amountMinor: gift.amount_minor.toString(),
    currency: gift.currency,
    deductibleMinor: gift.amount_minor.toString(),
    receivedOn: gift.received_on,
    issuedOn,
    fund: gift.fund,
    campaign: gift.campaign,
    card:
      gift.card_brand && gift.card_last4
        ? { brand: gift.card_brand, last4: gift.card_last4 }
        : null,
    goodsOrServices: config.receipts.goodsOrServices,
    locale: gift.locale,
  };
}
