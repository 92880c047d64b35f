/** What has a page in a provider's dashboard. */
export type ProviderPage =
  | { of: 'payment' | 'customer' | 'request'; id: string }
  /** The mails to an address: one that is held has no id yet, and is what people look for. */
  | { of: 'mail'; to: string; messageId: string | undefined };

const STRIPE_PATHS = { payment: 'payments', customer: 'customers', request: 'logs' };

/**
 * The address of the page in the dashboard of Stripe or SendGrid. Stripe's of a request is the one that
 * its errors have as `request_log_url`: https://docs.stripe.com/api/errors. SendGrid does not document
 * the filters of its page: they are the ones that the page itself puts into its address.
 */
export function dashboardUrl(page: ProviderPage, mode: 'test' | 'live'): string {
  if (page.of !== 'mail') {
    const test = mode === 'test' ? 'test/' : '';
    return `https://dashboard.stripe.com/${test}${STRIPE_PATHS[page.of]}/${encodeURIComponent(page.id)}`;
  }
  const filters = [{ val: [page.to], selectedFieldName: 'to_email', comparisonType: 'Contains' }];
  return `https://app.sendgrid.com/email_activity?${new URLSearchParams({ filters: JSON.stringify(filters), isAndOperator: 'true' })}`;
}
