import { configurationError } from '../../../lib/errors.ts';
import type { SandboxClient } from '../../../lib/sandbox/client.ts';
import type { Context } from '../../context.ts';

/** The paths of the providers' events. */
export const PATHS = { stripe: '/webhooks/stripe', sendgrid: '/webhooks/sendgrid' } as const;

type Provider = keyof typeof PATHS;

/** The keys that verify events, and how to register this listener. */
export interface Endpoints {
  /** The `whsec_…`; undefined when Stripe's events are not received. */
  stripeSecret: string | undefined;
  /** Undefined when SendGrid's events are not received. */
  sendgridPublicKey: string | undefined;
  /**
   * Makes the provider send events here, if a program can do that; returns a function that ends it.
   */
  register(base: string): Promise<() => Promise<void>>;
}

/**
 * Uses the keys in the settings. In the sandbox it uses those of the doubles, which also register
 * this address.
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
      'Set STRIPE_WEBHOOK_SECRET or DONATIONS_SENDGRID_WEBHOOK_PUBLIC_KEY. Each provider shows its key next to the webhook.',
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
        // Another listener may have registered since. A sandbox that was stopped sends nothing.
        const { stripeUrl } = await doubles.stripe.webhooks();
        if (stripeUrl === ours.stripeUrl) await doubles.stripe.setWebhooks({ stripeUrl: null });
        const { sendgridUrl } = await doubles.sendgrid.webhooks();
        if (sendgridUrl === ours.sendgridUrl)
          await doubles.sendgrid.setWebhooks({ sendgridUrl: null });
      };
    },
  };
}

/** Only the doubles that we call send their events here. */
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
