import type { Money } from '../money.ts';

export interface PaymentRequest {
  donationId: string;
  amount: Money;
  /** `pm_…` or `tok_…`; never a card number. */
  paymentMethod: string;
  /** Shown on Stripe's dashboard. No personal data. */
  description: string;
}

export interface Card {
  brand: string;
  last4: string;
  expMonth: number;
  expYear: number;
}

/**
 * What a payment is now, as Stripe says of its id. A decline is an answer, not an error: no money
 * moved. `unconfirmed`: created, and no money can move until it is confirmed.
 */
export type PaymentState = { paymentIntentId: string; requestId: string | undefined } & (
  | {
      status: 'succeeded';
      /** The card to tokenize: Stripe's `pm_…` behind whatever was passed in. */
      paymentMethodId: string;
      card: Card | undefined;
      /** How much was given back since, in minor units. */
      refundedMinor: bigint;
    }
  | { status: 'unconfirmed' | 'requires_action' | 'processing' | 'canceled' }
  | {
      status: 'declined';
      /** Stripe's decline code (`insufficient_funds`), or its error code where there is none. */
      declineCode: string;
      message: string;
    }
);

/** The card network's side of a donation, in our words. Every method throws `ProviderError`. */
export interface PaymentGateway {
  /**
   * Creates a PaymentIntent and does not confirm it: no money moves. Repeatable: one that was made and
   * whose answer was lost is never confirmed. A PaymentIntent makes at most one successful charge
   * (https://docs.stripe.com/api/payment_intents/object), so whoever confirms only the one id that is
   * on record charges once.
   *
   * @throws ProviderError `permanent` when Stripe refuses the request or the payment method.
   */
  createPayment(
    request: PaymentRequest,
  ): Promise<{ paymentIntentId: string; requestId: string | undefined }>;
  /**
   * Confirms the payment of this id. However often and by whomever it is called, it charges once: when
   * the payment is not one to be confirmed any more, or another request holds it
   * (`payment_intent_unexpected_state`, `lock_timeout`), the answer is what it is now.
   *
   * @throws ProviderError `transient` when no answer came: `retrievePayment` says what happened.
   */
  confirmPayment(paymentIntentId: string): Promise<PaymentState>;
  /** What became of the payment of this id. */
  retrievePayment(paymentIntentId: string): Promise<PaymentState>;
  /**
   * Cancels a payment, so that it can never succeed later. One that cannot be cancelled any more is
   * told as it is: it may have succeeded meanwhile.
   */
  cancelPayment(paymentIntentId: string): Promise<PaymentState>;
  /** Makes the donor's Customer. Repeatable: the key is derived from the donor's id. */
  createCustomer(donor: {
    id: string;
    name: string;
    email: string | undefined;
  }): Promise<{ customerId: string; requestId: string | undefined }>;
  /** Attaches the card to the Customer and makes it the default. Repeatable: already attached to the same Customer is success. */
  attachCard(request: {
    donationId: string;
    paymentMethodId: string;
    customerId: string;
  }): Promise<{ card: Card | undefined; requestId: string | undefined }>;
  /**
   * A harmless look that proves the endpoint, the key, and the key's right to what is needed:
   * `payments` to charge, `customers` to save a card. A restricted key needs no other rights. (A right
   * to read only cannot be told from a right to write without writing.)
   */
  ping(
    need?: 'payments' | 'customers',
  ): Promise<{ livemode: boolean; serverTime: Date | undefined }>;
}
