import type { Money } from '../money.ts';

export interface PaymentRequest {
  donationId: string;
  amount: Money;
  /** `pm_…` or `tok_…`; never a card number. */
  paymentMethod: string;
  /** Shown in Stripe's dashboard. Contains no personal data. */
  description: string;
}

export interface Card {
  brand: string;
  last4: string;
  expMonth: number;
  expYear: number;
}

/**
 * The state of a payment according to Stripe. A decline is an answer, not an error: no money moved.
 * `unconfirmed`: created, and no money can move until it is confirmed.
 */
export type PaymentState = { paymentIntentId: string; requestId: string | undefined } & (
  | {
      status: 'succeeded';
      /** The card to save: the `pm_…` that Stripe charged. */
      paymentMethodId: string;
      card: Card | undefined;
      /** The amount refunded since, in minor units. */
      refundedMinor: bigint;
    }
  | { status: 'unconfirmed' | 'requires_action' | 'processing' | 'canceled' }
  | {
      status: 'declined';
      /** Stripe's decline code (`insufficient_funds`), or its error code if there is none. */
      declineCode: string;
      message: string;
    }
);

/** The payment provider. Every method throws `ProviderError`. */
export interface PaymentGateway {
  /**
   * Creates a PaymentIntent without confirming it, so no money moves. Repeatable: a payment whose
   * id was lost is never confirmed. A PaymentIntent makes at most one successful charge
   * (https://docs.stripe.com/api/payment_intents/object), so confirming only the stored id charges
   * at most once.
   *
   * @throws ProviderError `permanent` when Stripe refuses the request or the payment method.
   */
  createPayment(
    request: PaymentRequest,
  ): Promise<{ paymentIntentId: string; requestId: string | undefined }>;
  /**
   * Confirms the payment of this id. Repeated and concurrent calls charge at most once. When the
   * payment can no longer be confirmed, or another request holds it
   * (`payment_intent_unexpected_state`, `lock_timeout`), this returns its current state.
   *
   * @throws ProviderError `transient` when no answer came: use `retrievePayment` for the result.
   */
  confirmPayment(paymentIntentId: string): Promise<PaymentState>;
  /** The current state of the payment of this id. */
  retrievePayment(paymentIntentId: string): Promise<PaymentState>;
  /**
   * Cancels a payment, so that it cannot succeed later. If it can no longer be cancelled, this
   * returns its current state: it may have succeeded meanwhile.
   */
  cancelPayment(paymentIntentId: string): Promise<PaymentState>;
  /**
   * Creates the donor's Customer. Repeatable: the idempotency key is derived from the donor's id.
   */
  createCustomer(donor: {
    id: string;
    name: string;
    email: string | undefined;
  }): Promise<{ customerId: string; requestId: string | undefined }>;
  /**
   * Attaches the card to the Customer and makes it the default. Repeatable: a card that is attached
   * to this Customer already is a success.
   */
  attachCard(request: {
    donationId: string;
    paymentMethodId: string;
    customerId: string;
  }): Promise<{ card: Card | undefined; requestId: string | undefined }>;
  /**
   * Checks the endpoint, the key, and its rights, without changes: `payments` to charge,
   * `customers` to save a card. A restricted key needs no other rights. (Only a write could
   * distinguish the right to read from the right to write.)
   */
  ping(
    need?: 'payments' | 'customers',
  ): Promise<{ livemode: boolean; serverTime: Date | undefined }>;
}
