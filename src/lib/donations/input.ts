import { z } from 'zod';
import { UserError, usageError } from '../errors.ts';
import { looksLikeCardNumber } from '../mask.ts';
import { CARD_LIMITS, GIFT_LIMITS, type Money, parseAmount, parseCurrency } from '../money.ts';
import { checkEmail, cleanName, TEXT_LIMITS } from '../text.ts';
import { METHODS } from './donation.ts';

const CARD_NUMBER = 'looks like a card number, which donations does not accept';

/** Adapts one of our checks to zod. Its message is printed after the field's name. */
const text = (check: (typed: string) => string) =>
  z.string('is missing').transform((typed, { addIssue }) => {
    if (looksLikeCardNumber(typed)) addIssue(CARD_NUMBER);
    try {
      return check(typed);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      addIssue(error.message.trim());
      return z.NEVER;
    }
  });

const line = (max: number) => text((typed) => cleanName(typed, { field: '', max }));
const email = text((typed) => checkEmail(typed, ''));

const day = z.iso.date('is not a date, such as 2026-11-23');

/**
 * The fields of a gift from any source: `donate`, an import, an HTTP request. Amounts are checked
 * separately, because they can only be parsed together with their currency.
 */
export const giftSchema = z.object({
  method: z.enum(METHODS, `is not one of ${METHODS.join(', ')}`),
  donor: z.object({
    kind: z
      .enum(['person', 'organization'], 'is neither person nor organization')
      .default('person'),
    name: line(TEXT_LIMITS.name),
    givenName: line(100).optional(),
    familyName: line(100).optional(),
    email: email.optional(),
    addressLines: z.array(line(200)).max(6, 'has more than six lines').default([]),
    city: line(100).optional(),
    region: line(100).optional(),
    postalCode: line(20).optional(),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, 'is not an ISO 3166 code of two capitals, such as US')
      .optional(),
    locale: z.string().max(35, 'is longer than 35 characters').optional(),
    /** The name of another system, and its id of the donor. */
    source: line(100).optional(),
    sourceId: line(200).optional(),
  }),
  /** Stripe's id of a card. */
  paymentMethod: z
    .string('is missing')
    .max(255, 'is longer than 255 characters')
    .refine(
      (value) => !looksLikeCardNumber(value),
      `${CARD_NUMBER}: use the pm_… or tok_… that Stripe.js creates for it`,
    )
    .regex(
      /^(pm|tok)_[A-Za-z0-9_]+$/,
      'is not Stripe’s id of a payment method: use pm_… or tok_…, in the sandbox for example pm_card_visa',
    )
    .optional(),
  fund: line(TEXT_LIMITS.fund).optional(),
  campaign: line(TEXT_LIMITS.campaign).optional(),
  appeal: line(200).optional(),
  giftOn: day.optional(),
  postmarkedOn: day.optional(),
  receivedOn: day.optional(),
  depositedOn: day.optional(),
  checkNumber: line(50).optional(),
  /** The name of another system, and its id of the gift. */
  source: line(100).optional(),
  sourceId: line(200).optional(),
  anonymous: z.boolean().default(false),
  tribute: z.object({ kind: z.enum(['honor', 'memory']), name: line(200) }).optional(),
  goodsDescription: line(500).optional(),
  inKindDescription: line(500).optional(),
  note: z
    .string()
    .max(10_000, 'is longer than 10000 characters')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: Postgres cannot store these
    .refine((value) => !/[\u0000\p{Cs}]/u.test(value), 'has characters that cannot be stored')
    .optional(),
  /** The caller's name for the request. The same name again returns the same donation. */
  requestId: line(200).optional(),
});

/** Amounts of a gift as typed. */
export interface GiftAmounts {
  amount?: string | undefined;
  currency?: string | undefined;
  /** The fair market value of what the donor got in return. */
  goodsValue?: string | undefined;
  /** The funds and their amounts, if there are several. */
  allocations?: { fund: string; amount: string }[] | undefined;
}

/** A gift as received: amounts are still text. */
export type GiftInput = GiftAmounts &
  Loose<Omit<z.input<typeof giftSchema>, 'donor'>> & {
    donor: Loose<z.input<typeof giftSchema>['donor']>;
  };

/** Every field may be missing; the check reports required ones. */
type Loose<T> = { [Key in keyof T]?: T[Key] | undefined };

/** A checked gift. Amounts are in minor units of its currency. */
export type Gift = z.output<typeof giftSchema> & {
  amount: Money;
  goodsValueMinor: bigint;
  /** The funds and their shares, which add up to the gift. Empty when the gift is unrestricted. */
  allocations: { fund: string; minor: bigint }[];
};

/** A missing or invalid field. The field is a path: `donor.email`. */
export interface GiftProblem {
  field: string;
  /** The problem, to be printed after the field's name. */
  problem: string;
  /** A complete sentence that is printed instead of name and problem. */
  sentence?: string | undefined;
  hint?: string | undefined;
}

/**
 * Checks a gift before anything is written, and reports all missing and invalid fields at once.
 *
 * @param locale BCP 47; the format of amounts.
 * @param mustHaveEmail whether an e-mail address is required.
 */
function readGift(
  input: GiftInput,
  { locale, mustHaveEmail = false }: { locale: string; mustHaveEmail?: boolean },
): { gift: Gift } | { problems: GiftProblem[] } {
  const problems: GiftProblem[] = [];
  const { data, error } = giftSchema.safeParse(input);
  for (const { path, message } of error?.issues ?? [])
    problems.push({ field: path.join('.'), problem: message });
  if (input.method === 'card' && input.paymentMethod === undefined)
    problems.push({ field: 'paymentMethod', problem: 'is missing' });
  if (mustHaveEmail && input.donor.email === undefined)
    problems.push({ field: 'donor.email', problem: 'is missing' });
  const attempt = <T>(field: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push({ field, problem: error.message, sentence: error.message, hint: error.hint });
      return undefined;
    }
  };
  const required = (field: 'amount' | 'currency') => {
    if (input[field] === undefined) problems.push({ field, problem: 'is missing' });
    return input[field];
  };
  const typed = required('amount');
  const code = required('currency');
  const currency = code === undefined ? undefined : attempt('currency', () => parseCurrency(code));
  const limits = input.method === 'card' ? CARD_LIMITS : GIFT_LIMITS;
  const money = (field: string, text: string | undefined) =>
    text === undefined || currency === undefined
      ? undefined
      : attempt(field, () => parseAmount(text, currency, locale, limits));
  const amount = money('amount', typed);
  const goods = money('goodsValue', input.goodsValue);
  const shares = (input.allocations ?? []).map(({ fund, amount }, i) => ({
    fund: line(TEXT_LIMITS.fund).safeParse(fund).data ?? fund,
    minor: money(`allocations.${i}.amount`, amount)?.minor ?? 0n,
  }));
  if (!data || !amount || problems.length > 0) return { problems };
  const allocations =
    shares.length > 0 ? shares : data.fund ? [{ fund: data.fund, minor: amount.minor }] : [];
  if (
    allocations.length > 0 &&
    allocations.reduce((sum, { minor }) => sum + minor, 0n) !== amount.minor
  )
    problems.push({ field: 'allocations', problem: 'do not add up to the gift' });
  if (goods && goods.minor > amount.minor)
    problems.push({ field: 'goodsValue', problem: 'is more than the gift' });
  if (goods && data.goodsDescription === undefined)
    problems.push({
      field: 'goodsDescription',
      problem: 'is missing: describe what the donor got',
    });
  if (data.sourceId !== undefined && data.source === undefined)
    problems.push({
      field: 'source',
      problem: 'is missing: name the system that the id belongs to',
    });
  if (problems.length > 0) return { problems };
  return { gift: { ...data, amount, goodsValueMinor: goods?.minor ?? 0n, allocations } };
}

/**
 * Checks a gift for a command.
 * @param nameOf the command's name of a field: `--email`.
 * @throws UserError `usage` with all missing and invalid fields.
 */
export function checkGift(
  input: GiftInput,
  {
    nameOf,
    ...how
  }: { locale: string; mustHaveEmail?: boolean; nameOf: (field: string) => string },
): Gift {
  const read = readGift(input, how);
  if ('gift' in read) return read.gift;
  const { problems } = read;
  const lines = problems.map(
    ({ field, problem, sentence }) => sentence ?? `${nameOf(field)} ${problem}`,
  );
  throw usageError(lines.join('; '), problems.length === 1 ? problems[0]?.hint : undefined);
}
