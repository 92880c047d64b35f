export interface TestCard {
  brand: string;
  last4: string;
  /** How a charge of it is refused. */
  decline?: { code: string; decline_code: string; message: string };
  /** It must be confirmed by its holder at a browser. */
  needsAuthentication?: boolean;
}

const decline = (last4: string, code: string, declineCode: string, message: string, brand = 'visa'): TestCard => ({
  brand,
  last4,
  decline: { code, decline_code: declineCode, message },
});

/** Stripe's test PaymentMethods: https://docs.stripe.com/testing#cards and #declined-payments */
export const TEST_CARDS: Record<string, TestCard> = {
  pm_card_visa: { brand: 'visa', last4: '4242' },
  pm_card_visa_debit: { brand: 'visa', last4: '5556' },
  pm_card_mastercard: { brand: 'mastercard', last4: '4444' },
  pm_card_amex: { brand: 'amex', last4: '8431' },
  pm_card_discover: { brand: 'discover', last4: '9424' },
  pm_card_chargeDeclined: decline('0002', 'card_declined', 'generic_decline', 'Your card was declined.'),
  pm_card_chargeDeclinedInsufficientFunds: decline('9995', 'card_declined', 'insufficient_funds', 'Your card has insufficient funds.'),
  pm_card_chargeDeclinedExpiredCard: decline('0069', 'expired_card', 'expired_card', 'Your card has expired.'),
  pm_card_chargeDeclinedIncorrectCvc: decline('0127', 'incorrect_cvc', 'incorrect_cvc', "Your card's security code is incorrect."),
  pm_card_chargeDeclinedProcessingError: decline('0119', 'processing_error', 'processing_error', 'An error occurred while processing your card. Try again in a little bit.'),
  pm_card_visa_chargeDeclinedLostCard: decline('9987', 'card_declined', 'lost_card', 'Your card was declined.'),
  pm_card_visa_chargeDeclinedStolenCard: decline('9979', 'card_declined', 'stolen_card', 'Your card was declined.'),
  pm_card_authenticationRequired: { brand: 'visa', last4: '3184', needsAuthentication: true },
};
