/** How a donor made a declaration. */
export const DECLARED_HOW = ['written', 'oral', 'online'] as const;

/** A Gift Aid declaration of a donor. All days are `YYYY-MM-DD`. */
export interface Declaration {
  id: string;
  madeOn: string;
  how: (typeof DECLARED_HOW)[number];
  coversFrom: string;
  /** Null: all later gifts. */
  coversTo: string | null;
  /** When an oral declaration was confirmed to the donor in writing. */
  confirmedOn: string | null;
  withdrawnOn: string | null;
}

const CANCEL_DAYS = 30;

/**
 * Whether a declaration covers a gift of this day. After a withdrawal, gifts from that day on are not
 * covered. An oral declaration that is withdrawn within 30 days of its written confirmation covers
 * nothing, also not earlier gifts.
 *
 * HMRC, Charities: detailed guidance notes, Chapter 3: Gift Aid, 3.6 to 3.8.
 */
export function covers(declaration: Declaration, day: string): boolean {
  const { coversFrom, coversTo, withdrawnOn } = declaration;
  if (day < coversFrom || (coversTo !== null && day > coversTo)) return false;
  return withdrawnOn === null || (day < withdrawnOn && !wasCancelled(declaration));
}

function wasCancelled({ how, confirmedOn, withdrawnOn }: Declaration): boolean {
  if (how !== 'oral' || confirmedOn === null || withdrawnOn === null) return false;
  const until = new Date(`${confirmedOn}T00:00:00Z`);
  until.setUTCDate(until.getUTCDate() + CANCEL_DAYS);
  return withdrawnOn <= until.toISOString().slice(0, 10);
}

/** SQL: the declarations of the donor in a column, as JSON, the oldest first. */
export const declarationsOf = (donor: string) => `
  (select coalesce(json_agg(json_build_object('id', g.id, 'madeOn', g.made_on, 'how', g.how,
     'coversFrom', g.covers_from, 'coversTo', g.covers_to, 'confirmedOn', g.confirmed_on,
     'withdrawnOn', g.withdrawn_on) order by g.made_on, g.id), '[]')
   from donations.gift_aid_declarations g where g.donor_id = ${donor})`;
