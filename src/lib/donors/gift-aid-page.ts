import type { Queryable } from '../db/database.ts';
import { loadManyGiftFacts } from '../receipts/facts.ts';
import { netMinor } from '../receipts/kinds/form.ts';
import { judgeGiftAid } from '../receipts/kinds/united-kingdom/gift-aid.ts';
import type { Declaration } from './declaration.ts';

export interface KeptDeclaration extends Declaration {
  name: string;
  address: string[];
  postalCode: string | null;
  record: string | null;
}

/** A gift, and what Gift Aid there is on it. */
export interface JudgedGift {
  donation: string;
  givenOn: string;
  minor: bigint;
  currency: string;
  /** The basic rate tax that can be claimed, in pence; 0 if none can. */
  reliefMinor: bigint;
  declaration: string | null;
  /** Why nothing can be claimed. */
  why: string | null;
}

/** What is known of a donor's Gift Aid. */
export interface GiftAidPage {
  donor: string;
  name: string;
  declarations: KeptDeclaration[];
  /** The latest gifts that were paid. */
  gifts: JudgedGift[];
  moreGifts: boolean;
}

const MOST_GIFTS = 200;

/** The declarations of a donor, and what can be claimed for each gift, by the same rules as receipts. */
export async function describeGiftAid(tx: Queryable, donorId: string): Promise<GiftAidPage> {
  const { rows: donors } = await tx.query<{ name: string }>(
    'select name from donations.donors where id = $1',
    [donorId],
  );
  const { rows: declarations } = await tx.query<KeptDeclaration>(
    `select id, made_on as "madeOn", how, covers_from as "coversFrom", covers_to as "coversTo",
       confirmed_on as "confirmedOn", withdrawn_on as "withdrawnOn", name, address,
       postal_code as "postalCode", record
     from donations.gift_aid_declarations where donor_id = $1 order by made_on desc, id desc`,
    [donorId],
  );
  const { rows: ids } = await tx.query<{ id: string }>(
    `select id from donations.donations
     where donor_id = $1 and status in ('succeeded', 'partly_refunded', 'refunded', 'disputed')
     order by gift_on desc, id desc limit ${MOST_GIFTS + 1}`,
    [donorId],
  );
  const facts = await loadManyGiftFacts(
    tx,
    ids.slice(0, MOST_GIFTS).map(({ id }) => id),
  );
  return {
    donor: donorId,
    name: donors[0]?.name ?? '',
    declarations,
    gifts: facts.map((gift) => {
      const judged = judgeGiftAid(gift);
      const rest = {
        donation: gift.id,
        givenOn: gift.giftOn,
        minor: netMinor(gift),
        currency: gift.currency,
      };
      return 'why' in judged
        ? { ...rest, reliefMinor: 0n, declaration: null, why: judged.why }
        : {
            ...rest,
            reliefMinor: judged.reliefMinor,
            declaration: judged.declaration.id,
            why: null,
          };
    }),
    moreGifts: ids.length > MOST_GIFTS,
  };
}
