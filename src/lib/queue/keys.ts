/**
 * The keys of jobs. A job of a key is in the queue at most once, so each key says what may be done
 * only once at a time.
 */
export const settleKey = (donationId: string) => donationId;
export const chargeKey = (donationId: string) => `charge:${donationId}`;
export const tokenizeKey = (donationId: string) => `tokenize:${donationId}`;
export const sendKey = (deliveryId: string) => `send:${deliveryId}`;

/** The keys of the jobs that a donation may have by itself; each of its deliveries has one more. */
export const keysOfDonation = (donationId: string): string[] => [
  settleKey(donationId),
  chargeKey(donationId),
  tokenizeKey(donationId),
];
