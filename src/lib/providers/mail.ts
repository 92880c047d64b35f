export interface MailMessage {
  from: { email: string; name: string };
  replyTo: { email: string; name?: string | undefined } | undefined;
  to: { email: string; name: string };
  subject: string;
  text: string;
  html: string;
  /** A SendGrid dynamic template and its data, in place of subject, text and html. */
  template: { id: string; data: Record<string, unknown> } | undefined;
  /** Come back with every event about this mail. Ids only, no personal data. */
  customArgs: Record<string, string>;
  categories: string[];
}

/** The mail provider, in our words. Every method throws `ProviderError`. */
export interface MailGateway {
  /**
   * Hands one mail over. Not idempotent: an error of class `unknown_outcome` means that it may have
   * been accepted, and asking again may send it twice.
   */
  send(message: MailMessage): Promise<{ messageId: string | undefined; httpStatus: number }>;
  /**
   * A harmless look that proves the endpoint, the key, its right to send mail and, where the gateway
   * knows the sender, that SendGrid lets the account use it. Nothing is sent.
   *
   * @throws ProviderError `misconfigured` when the key or the sender is refused.
   */
  ping(): Promise<{ scopes: string[]; serverTime: Date | undefined }>;
}
