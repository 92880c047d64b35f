/** A card of Stripe's test mode, and the result of charging it. */
export interface TestCard {
  brand: string;
  last4: string;
  funding: 'credit' | 'debit' | 'prepaid';
  country: string;
  /** How every charge of it is declined. */
  decline?: { code: string; decline_code: string; message: string };
  /** A charge needs the cardholder's authentication. */
  authentication?: true;
  /** It can be attached to a Customer although every charge is declined. */
  attachable?: true;
}

const card = (brand: string, last4: string, extra: Partial<TestCard> = {}): TestCard => ({
  brand,
  last4,
  funding: 'credit',
  country: 'US',
  ...extra,
});

const declined = (
  last4: string,
  decline_code: string,
  { code = 'card_declined', message = 'Your card was declined.', ...extra } = {},
) => card('visa', last4, { decline: { code, decline_code, message }, ...extra });

/**
 * By the part after `pm_card_` or `tok_`. https://docs.stripe.com/testing#cards and
 * #declined-payments
 */
const CARDS: Record<string, TestCard> = {
  visa: card('visa', '4242'),
  visa_debit: card('visa', '5556', { funding: 'debit' }),
  mastercard: card('mastercard', '4444'),
  mastercard_debit: card('mastercard', '3222', { funding: 'debit' }),
  mastercard_prepaid: card('mastercard', '5100', { funding: 'prepaid' }),
  amex: card('amex', '0005'),
  discover: card('discover', '1117'),
  diners: card('diners', '0004'),
  jcb: card('jcb', '0505'),
  unionpay: card('unionpay', '0005'),
  us: card('visa', '4242'),
  gb: card('visa', '0000', { country: 'GB' }),
  de: card('visa', '0016', { country: 'DE' }),
  fr: card('visa', '0003', { country: 'FR' }),
  ca: card('visa', '0000', { country: 'CA' }),
  jp: card('visa', '0003', { country: 'JP' }),
  riskLevelElevated: card('visa', '9235'),
  chargeCustomerFail: { ...declined('0341', 'generic_decline'), attachable: true },
  chargeDeclined: declined('0002', 'generic_decline'),
  chargeDeclinedInsufficientFunds: declined('9995', 'insufficient_funds', {
    message: 'Your card has insufficient funds.',
  }),
  chargeDeclinedLostCard: declined('9987', 'lost_card'),
  chargeDeclinedStolenCard: declined('9979', 'stolen_card'),
  chargeDeclinedFraudulent: declined('0019', 'fraudulent'),
  chargeDeclinedVelocityLimitExceeded: declined('6975', 'card_velocity_exceeded', {
    message:
      'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
  }),
  chargeDeclinedExpiredCard: declined('0069', 'expired_card', {
    code: 'expired_card',
    message: 'Your card has expired.',
  }),
  chargeDeclinedIncorrectCvc: declined('0127', 'incorrect_cvc', {
    code: 'incorrect_cvc',
    message: "Your card's security code is incorrect.",
  }),
  chargeDeclinedProcessingError: declined('0119', 'processing_error', {
    code: 'processing_error',
    message: 'An error occurred while processing your card. Try again in a little bit.',
  }),
  authenticationRequired: card('visa', '3184', { authentication: true }),
  threeDSecure2Required: card('visa', '3220', { authentication: true }),
  threeDSecureRequired: card('visa', '3063', { authentication: true }),
};

// Two ids in Stripe's list contain the brand.
const ALIASES: Record<string, string> = {
  visa_chargeDeclinedLostCard: 'chargeDeclinedLostCard',
  visa_chargeDeclinedStolenCard: 'chargeDeclinedStolenCard',
};

/** The name of the test card behind `pm_card_visa` (a PaymentMethod) or `tok_visa` (a token), if it is one. */
export function testCardName(id: string, prefix: 'pm_card_' | 'tok_'): string | undefined {
  if (!id.startsWith(prefix)) return undefined;
  const said = id.slice(prefix.length);
  const name = Object.hasOwn(ALIASES, said) ? (ALIASES[said] as string) : said;
  return Object.hasOwn(CARDS, name) ? name : undefined;
}

/** The test card of this name. */
export function testCard(name: string): TestCard {
  const found = CARDS[name];
  if (!found) throw new Error(`there is no test card ${name}`);
  return found;
}
