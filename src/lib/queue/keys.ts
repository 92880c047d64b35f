/**
 * Job keys. At most one job of a key is in the queue, so each key names work that must not run
 * twice at once.
 */
export const settleKey = (donationId: string) => donationId;
export const chargeKey = (donationId: string) => `charge:${donationId}`;
export const tokenizeKey = (donationId: string) => `tokenize:${donationId}`;
export const sendKey = (deliveryId: string) => `send:${deliveryId}`;

/** The keys of a donation's own jobs. Each of its deliveries has a further key. */
export const keysOfDonation = (donationId: string): string[] => [
  settleKey(donationId),
  chargeKey(donationId),
  tokenizeKey(donationId),
];
