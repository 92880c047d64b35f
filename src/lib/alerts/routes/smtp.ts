import { createTransport } from 'nodemailer';
import type { AlertMessage } from '../message.ts';
import type { RouteOf } from '../route-settings.ts';
import { mailContent } from './email.ts';
import { RouteFailure } from './failure.ts';

/** Mails through a server of one's own: mail through SendGrid cannot say that SendGrid is down. */
export async function sendBySmtp(
  route: RouteOf<'smtp'>,
  message: AlertMessage,
  { from }: { from: { email: string; name: string } },
): Promise<void> {
  const { hostname, port, username, password, protocol } = new URL(route.server);
  const { timeout } = route;
  const transport = createTransport({
    host: hostname,
    ...(port ? { port: Number(port) } : {}),
    secure: protocol === 'smtps:',
    ...(username
      ? { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }
      : {}),
    // A password goes over an encrypted connection or not at all, except on this machine.
    requireTLS: username !== '' && !isLoopback(hostname),
    ...{ connectionTimeout: timeout, greetingTimeout: timeout, socketTimeout: timeout },
  });
  try {
    await transport.sendMail({
      from: { address: route.from ?? from.email, name: from.name },
      to: route.to,
      ...mailContent(message),
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  } catch (error) {
    const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
    throw new RouteFailure(
      `the mail server did not take it: ${[code, responseCode].filter(Boolean).join(' ') || 'no reason given'}`,
    );
  } finally {
    transport.close();
  }
}

const isLoopback = (host: string) => /^(localhost|127\.|\[::1\])/.test(host);
