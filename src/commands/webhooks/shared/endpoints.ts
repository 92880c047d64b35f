import { configurationError } from '../../../lib/errors.ts';
import type { SandboxClient } from '../../../lib/sandbox/client.ts';
import type { Context } from '../../context.ts';

/** Where each provider's events are to be posted. */
export const PATHS = { stripe: '/webhooks/stripe', sendgrid: '/webhooks/sendgrid' } as const;

type Provider = keyof typeof PATHS;

/** What the providers' signatures are checked with, and how they are told where we are. */
export interface Endpoints {
  /** `whsec_…`; undefined when Stripe's events are not taken. */
  stripeSecret: string | undefined;
  /** Undefined when SendGrid's events are not taken. */
  sendgridPublicKey: string | undefined;
  /** Has events sent to us, where that can be said by a program; gives what ends it. */
  register(base: string): Promise<() => Promise<void>>;
}

/**
 * The keys of the settings; in the sandbox those of the doubles, which are told our address as well.
 * @throws UserError `configuration` when there are none.
 */
export async function openEndpoints(context: Context): Promise<Endpoints> {
  const { mode, stripe, sendgrid } = await context.config();
  if (mode === 'sandbox') return sandboxEndpoints(context);
  const stripeSecret = stripe.webhookSecret;
  const sendgridPublicKey = sendgrid.webhookPublicKey;
  if (!stripeSecret && !sendgridPublicKey) {
    throw configurationError(
      'neither stripe.webhookSecret nor sendgrid.webhookPublicKey is set',
      'Set STRIPE_WEBHOOK_SECRET and DONATIONS_SENDGRID_WEBHOOK_PUBLIC_KEY: each provider shows its own beside the webhook.',
    );
  }
  return { stripeSecret, sendgridPublicKey, register: async () => async () => {} };
}

async function sandboxEndpoints(context: Context): Promise<Endpoints> {
  const doubles = await openDoubles(context);
  return {
    stripeSecret: (await doubles.stripe.webhooks()).stripeSecret,
    sendgridPublicKey: (await doubles.sendgrid.webhooks()).sendgridPublicKey,
    async register(base) {
      const ours = { stripeUrl: `${base}${PATHS.stripe}`, sendgridUrl: `${base}${PATHS.sendgrid}` };
      await doubles.stripe.setWebhooks({ stripeUrl: ours.stripeUrl });
      await doubles.sendgrid.setWebhooks({ sendgridUrl: ours.sendgridUrl });
      return async () => {
        // Another listener may have taken over since; and a sandbox that is gone sends nothing.
        const { stripeUrl } = await doubles.stripe.webhooks();
        if (stripeUrl === ours.stripeUrl) await doubles.stripe.setWebhooks({ stripeUrl: null });
        const { sendgridUrl } = await doubles.sendgrid.webhooks();
        if (sendgridUrl === ours.sendgridUrl)
          await doubles.sendgrid.setWebhooks({ sendgridUrl: null });
      };
    },
  };
}

/** The doubles whose API we call are those whose events come. */
async function openDoubles(context: Context): Promise<Record<Provider, SandboxClient>> {
  const { dataDir, stripe, sendgrid } = await context.config();
  const [{ SandboxClient }, { readSecret }, { openSandbox }] = await Promise.all([
    import('../../../lib/sandbox/client.ts'),
    import('../../../lib/sandbox/secret.ts'),
    import('../../sandbox/shared/open-sandbox.ts'),
  ]);
  const at = async (base: string | undefined) =>
    base
      ? new SandboxClient({ url: base, secret: (await readSecret(dataDir)) ?? '' })
      : openSandbox(context);
  return { stripe: await at(stripe.apiBase), sendgrid: await at(sendgrid.apiBase) };
}
