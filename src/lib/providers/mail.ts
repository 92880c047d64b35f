export interface MailMessage {
  from: { email: string; name: string };
  replyTo: { email: string; name?: string | undefined } | undefined;
  to: { email: string; name: string };
  subject: string;
  text: string;
  html: string;
  /** A SendGrid dynamic template and its data, instead of subject, text and html. */
  template: { id: string; data: Record<string, unknown> } | undefined;
  /** Returned with every event about this mail. Contains ids only, no personal data. */
  customArgs: Record<string, string>;
  categories: string[];
  attachments?: { filename: string; type: string; content: Buffer }[];
}

/** The mail provider. Every method throws `ProviderError`. */
export interface MailGateway {
  /**
   * Sends one mail. Not idempotent: after an error of class `unknown_outcome` the mail may have
   * been accepted, and a repetition may send it twice.
   */
  send(message: MailMessage): Promise<{ messageId: string | undefined; httpStatus: number }>;
  /**
   * Checks the endpoint, the key, and its right to send mail, without sending. If the gateway has a
   * sender, it also checks that SendGrid allows the account to use it.
   *
   * @throws ProviderError `misconfigured` when the key or the sender is refused.
   */
  ping(): Promise<{ scopes: string[]; serverTime: Date | undefined }>;
}
