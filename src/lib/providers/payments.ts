import type { Money } from '../money.ts';

export interface ChargeRequest {
  donationId: string;
  amount: Money;
  /** `pm_…` or `tok_…`; never a card number. */
  paymentMethod: string;
  /** Ours, persisted before the call. The same key and parameters give the same charge. */
  idempotencyKey: string;
  /** Shown on Stripe's dashboard. No personal data. */
  description: string;
}

export interface Card {
  brand: string;
  last4: string;
  expMonth: number;
  expYear: number;
}

/** What became of a charge. A decline is an answer, not an error: no money moved and none will. */
export type ChargeResult =
  | {
      status: 'succeeded';
      paymentIntentId: string;
      /** The card to tokenize: Stripe's `pm_…` behind whatever was passed in. */
      paymentMethodId: string;
      card: Card | undefined;
      requestId: string | undefined;
    }
  | {
      status: 'requires_action' | 'processing';
      paymentIntentId: string;
      requestId: string | undefined;
    }
  | {
      status: 'declined';
      paymentIntentId: string | undefined;
      /** Stripe's decline code (`insufficient_funds`), or its error code where there is none. */
      declineCode: string;
      message: string;
      requestId: string | undefined;
    };

/** The card network's side of a donation, in our words. Every method throws `ProviderError`. */
export interface PaymentGateway {
  /** Creates and confirms the PaymentIntent. Safe to repeat under the same key within `KEY_LIFE_MS`. */
  charge(request: ChargeRequest): Promise<ChargeResult>;
  /**
   * The donation's charge as Stripe has it, found by listing PaymentIntents made in the window and
   * comparing `metadata.donation_id` (search lags and proves nothing). For keys past their life and
   * for replayed 500s.
   */
  findCharge(donationId: string, from: Date, to: Date): Promise<ChargeResult | undefined>;
  /** Makes the donor's Customer. Repeatable: the key is derived from the donor's id. */
  createCustomer(donor: {
    id: string;
    name: string;
    email: string;
  }): Promise<{ customerId: string; requestId: string | undefined }>;
  /** Attaches the card to the Customer and makes it the default. Repeatable: already attached to the same Customer is success. */
  attachCard(request: {
    donationId: string;
    paymentMethodId: string;
    customerId: string;
  }): Promise<{ card: Card | undefined; requestId: string | undefined }>;
  /** A harmless call that proves the key and the endpoint. */
  ping(): Promise<{ livemode: boolean; serverTime: Date | undefined }>;
}

/**
 * Idempotency keys may be pruned once they are 24 hours old, and the request would run anew
 * (https://docs.stripe.com/api/idempotent_requests): stop well before and look the charge up instead.
 */
export const KEY_LIFE_MS = 20 * 60 * 60 * 1000;
