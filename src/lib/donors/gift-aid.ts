import { type Actor, recordAudit } from '../audit/record.ts';
import type { Db, Queryable } from '../db/database.ts';
import { notFound, UserError, usageError } from '../errors.ts';
import { newId } from '../ids.ts';
import { CURRENT_ORGANIZATION } from '../organizations/organization.ts';
import { cleanName } from '../text.ts';
import type { Declaration } from './declaration.ts';

interface Decision extends Actor {
  reason?: string | undefined;
}

/** A declaration as a donor made it. Days are `YYYY-MM-DD`. */
export interface DeclarationRequest extends Decision {
  donorId: string;
  how: Declaration['how'];
  /** Today if not given. */
  madeOn?: string | undefined;
  /** The day on which it was made if not given. */
  coversFrom?: string | undefined;
  /** All later gifts if not given. */
  coversTo?: string | undefined;
  /** Name and home address as declared; those on record if not given. */
  name?: string | undefined;
  address?: string[] | undefined;
  postalCode?: string | undefined;
  /** Where the form, the web log or the recording is kept. */
  record?: string | undefined;
  /** When an oral declaration was confirmed to the donor in writing. */
  confirmedOn?: string | undefined;
}

interface Donor {
  kind: 'person' | 'organization';
  name: string;
  address: string[];
  postalCode: string | null;
  today: string;
  country: string;
}

const YEARS_BACK = 4;

/**
 * Records a Gift Aid declaration of a donor. It needs the donor's full name and home address, and covers
 * gifts of at most four years before it. An oral one needs a recording, or its written confirmation.
 *
 * HMRC, Charities: detailed guidance notes, Chapter 3: Gift Aid, 3.6 and 3.7.
 *
 * @returns its id and what it covers.
 * @throws UserError `usage` for a day or an address that cannot be; `failed` when the organisation is
 * not in the United Kingdom, the donor is an organisation, or the declaration is on record already.
 */
export async function declareGiftAid(
  db: Db,
  request: DeclarationRequest,
): Promise<{ id: string; coversFrom: string; coversTo: string | null }> {
  const { donorId, how, actor, host, command, reason } = request;
  return db.transaction(async (tx) => {
    const donor = await lockDonor(tx, donorId);
    const { name, address, postalCode } = declaredBy(donor, request);
    const { madeOn, coversFrom, coversTo, confirmedOn } = checkDays(donor.today, request);
    if (how === 'oral' && request.record === undefined && confirmedOn === null)
      throw usageError(
        'an oral declaration counts only if it was recorded or confirmed in writing',
        'Say where the recording is kept (--record), or when the donor got the letter (--confirmed).',
      );
    const id = newId('declaration');
    const { rowCount } = await tx.query(
      `insert into donations.gift_aid_declarations (id, donor_id, made_on, how, covers_from, covers_to, name,
         address, postal_code, record, confirmed_on)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
      [
        id,
        donorId,
        madeOn,
        how,
        coversFrom,
        coversTo,
        name,
        address,
        postalCode,
        request.record ?? null,
        confirmedOn,
      ],
    );
    if (rowCount === 0)
      throw new UserError(
        'failed',
        'this declaration is on record already',
        `See it: donations donors gift-aid show ${donorId}`,
      );
    await recordAudit(tx, {
      actor,
      host,
      command,
      reason,
      action: 'donors.gift-aid-declare',
      subject: donorId,
      detail: {
        declaration: id,
        how,
        made_on: madeOn,
        covers_from: coversFrom,
        covers_to: coversTo,
      },
    });
    return { id, coversFrom, coversTo };
  });
}

async function lockDonor(tx: Queryable, id: string): Promise<Donor> {
  const { rows } = await tx.query<Donor>(
    `select n.kind, n.name, n.postal_code as "postalCode", o.country,
       array_remove(n.address_lines || array[n.city, n.region], null) as address,
       (now() at time zone o."timeZone")::date as today
     from donations.donors n cross join (${CURRENT_ORGANIZATION}) o where n.id = $1 for update of n`,
    [id],
  );
  const [donor] = rows;
  if (!donor) throw notFound(`no donor ${id}, or no organisation on record`);
  if (donor.country !== 'GB')
    throw new UserError(
      'failed',
      `Gift Aid is for charities in the United Kingdom, and the organisation is in ${donor.country}`,
      'If that is wrong, set organization.country, then: donations organization update',
    );
  if (donor.kind !== 'person')
    throw new UserError(
      'failed',
      `${donor.name} is an organisation: only individuals can make a Gift Aid declaration`,
    );
  return donor;
}

/** Full name and home address, each as declared or else as on record. */
function declaredBy(donor: Donor, request: DeclarationRequest) {
  const { name = donor.name, address, postalCode } = request;
  const clean = (text: string, field: string) => cleanName(text, { field, max: 200 });
  const lines = (address ?? donor.address).map((line) => clean(line, 'the address'));
  if (lines.length === 0)
    throw usageError(
      'the declaration needs the donor’s home address, and none is on record',
      'Give it as declared: --address "1 High Street" --address Leeds --postcode "LS1 1AA"',
    );
  const postcode = postalCode ?? (address === undefined ? donor.postalCode : null);
  return {
    name: clean(name, 'the name'),
    address: lines,
    postalCode: postcode === null ? null : clean(postcode, 'the postcode').toUpperCase(),
  };
}

function checkDays(today: string, request: DeclarationRequest) {
  const { madeOn = today, coversFrom = madeOn, coversTo = null, confirmedOn = null } = request;
  const earliest = `${Number(madeOn.slice(0, 4)) - YEARS_BACK}${madeOn.slice(4)}`;
  const wrong: [boolean, string][] = [
    [madeOn > today, `${madeOn} is in the future: a declaration is recorded once it is made`],
    [coversFrom < earliest, `a declaration of ${madeOn} covers gifts since ${earliest} at most`],
    [coversTo !== null && coversTo < coversFrom, `it ends on ${coversTo}, before ${coversFrom}`],
    [
      confirmedOn !== null && request.how !== 'oral',
      'only an oral declaration is confirmed in writing',
    ],
    [
      confirmedOn !== null && (confirmedOn < madeOn || confirmedOn > today),
      `it cannot have been confirmed on ${confirmedOn}`,
    ],
  ];
  const found = wrong.find(([is]) => is);
  if (found) throw usageError(found[1], 'Nothing was recorded.');
  return { madeOn, coversFrom, coversTo, confirmedOn };
}

export interface Withdrawal extends Decision {
  donorId: string;
  /** From this day on gifts are not covered; today if not given. */
  on?: string | undefined;
}

/**
 * Withdraws the declarations of a donor that are in force, because the donor cancelled them, and oral
 * ones also after their period, because their donor may cancel them for gifts already made. Receipts that
 * are issued stay as they are.
 *
 * @returns their ids.
 * @throws UserError `failed` when none is in force; `usage` for a day that cannot be.
 */
export async function withdrawGiftAid(
  db: Db,
  { donorId, on, ...decision }: Withdrawal,
): Promise<{ ids: string[]; on: string }> {
  return db.transaction(async (tx) => {
    const { today } = await lockDonor(tx, donorId);
    const day = on ?? today;
    if (day > today) throw usageError(`${day} is in the future`, 'Nothing was changed.');
    const { rows } = await tx.query<{ id: string }>(
      `update donations.gift_aid_declarations set withdrawn_on = $2
       where donor_id = $1 and withdrawn_on is null and made_on <= $2
         and (covers_to is null or covers_to >= $2 or how = 'oral') returning id`,
      [donorId, day],
    );
    const ids = rows.map(({ id }) => id).sort();
    if (ids.length === 0)
      throw new UserError(
        'failed',
        `no declaration of the donor is in force on ${day}`,
        `See them: donations donors gift-aid show ${donorId}`,
      );
    await recordAudit(tx, {
      ...decision,
      action: 'donors.gift-aid-withdraw',
      subject: donorId,
      affected: ids.length,
      detail: { declarations: ids, on: day },
    });
    return { ids, on: day };
  });
}
