import type { ImportedGift } from '../check/gift.ts';

/** The columns of a staged gift, in the order in which it is copied to Postgres. */
export const STAGED_COLUMNS = {
  line: 'integer',
  part: 'smallint',
  donation_id: 'text',
  fingerprint: 'uuid',
  occurrence: 'integer',
  amount_minor: 'bigint',
  currency: 'text',
  method: 'text',
  gift_on: 'date',
  postmarked_on: 'date',
  received_on: 'date',
  deposited_on: 'date',
  check_number: 'text',
  fund_1: 'text',
  fund_1_minor: 'bigint',
  fund_2: 'text',
  fund_2_minor: 'bigint',
  fund_3: 'text',
  fund_3_minor: 'bigint',
  campaign: 'text',
  appeal: 'text',
  donor_kind: 'text',
  donor_name: 'text',
  given_name: 'text',
  family_name: 'text',
  email: 'text',
  street: 'text',
  street_2: 'text',
  city: 'text',
  region: 'text',
  postcode: 'text',
  country: 'text',
  donor_source_id: 'text',
  anonymous: 'boolean',
  soft_name: 'text',
  soft_email: 'text',
  tribute_kind: 'text',
  tribute_name: 'text',
  goods_minor: 'bigint',
  goods_description: 'text',
  in_kind_description: 'text',
  note: 'text',
  source: 'text',
  source_id: 'text',
} as const;

export type StagedColumn = keyof typeof STAGED_COLUMNS;
const NAMES = Object.keys(STAGED_COLUMNS) as StagedColumn[];

export interface Staging {
  line: number;
  donationId: string;
  /** 32 hexadecimal digits. */
  fingerprint: string;
  occurrence: number;
}

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const escapeText = (text: string) =>
  SPECIAL.test(text) ? text.replace(/[\\\t\n\r]/g, (sign) => ESCAPES[sign] as string) : text;
const cell = (text: string | undefined) => (text === undefined ? '\\N' : escapeText(text));

/**
 * A gift as a line of COPY's text format, without the line's end. Made once, when the row is checked:
 * what is staged is what is sent.
 * https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
 */
export function toCopyText(gift: ImportedGift, staging: Staging): string {
  const { donor, funds, tribute, goods, softCredit } = gift;
  return [
    staging.line,
    gift.part === 'gift' ? 0 : 1,
    staging.donationId,
    staging.fingerprint,
    staging.occurrence,
    gift.amountMinor,
    gift.currency,
    gift.method,
    gift.giftOn,
    gift.postmarkedOn ?? '\\N',
    gift.receivedOn,
    gift.depositedOn ?? '\\N',
    cell(gift.checkNumber),
    cell(funds[0]?.fund),
    funds[0]?.minor ?? '\\N',
    cell(funds[1]?.fund),
    funds[1]?.minor ?? '\\N',
    cell(funds[2]?.fund),
    funds[2]?.minor ?? '\\N',
    cell(gift.campaign),
    cell(gift.appeal),
    donor.kind,
    cell(donor.name),
    cell(donor.givenName),
    cell(donor.familyName),
    cell(donor.email),
    cell(donor.street),
    cell(donor.street2),
    cell(donor.city),
    cell(donor.region),
    cell(donor.postcode),
    donor.country ?? '\\N',
    cell(donor.sourceId),
    gift.anonymous ? 't' : 'f',
    cell(softCredit?.name),
    cell(softCredit?.email),
    tribute?.kind ?? '\\N',
    cell(tribute?.name),
    goods?.minor ?? 0n,
    cell(goods?.description),
    cell(gift.inKindDescription),
    cell(gift.note),
    escapeText(gift.source),
    // An id is of one gift: the employer's has its own.
    cell(gift.part === 'match' && gift.sourceId ? `${gift.sourceId}:match` : gift.sourceId),
  ].join('\t');
}

const UNESCAPES: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };

/** The staged gift as texts by column; null where there is none. */
export function fromCopyText(line: string): Record<StagedColumn, string | null> {
  const values = line
    .split('\t')
    .map((value) =>
      value === '\\N'
        ? null
        : value.replace(/\\([tnr\\])/g, (_, sign) => UNESCAPES[sign] as string),
    );
  return Object.fromEntries(NAMES.map((name, i) => [name, values[i] ?? null])) as Record<
    StagedColumn,
    string | null
  >;
}
