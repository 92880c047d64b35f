import { createHmac } from 'node:crypto';
import type { AlertMessage } from '../message.ts';
import type { RouteOf } from '../route-settings.ts';
import { postJson } from './post.ts';

/**
 * Posts the message as JSON. With a secret it is signed as Stripe signs its webhooks: `t`, and `v1`,
 * the HMAC-SHA256 of `t.body` in hex. https://docs.stripe.com/webhooks#verify-manually
 */
export async function sendWebhook(
  { url, secret }: RouteOf<'webhook'>,
  message: AlertMessage,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify(message);
  const seconds = Math.floor(Date.now() / 1000);
  const headers: Record<string, string> = secret
    ? { 'X-Donations-Signature': `t=${seconds},v1=${sign(secret, `${seconds}.${body}`)}` }
    : {};
  await postJson(url, body, signal, headers);
}

const sign = (secret: string, text: string) =>
  createHmac('sha256', secret).update(text).digest('hex');
