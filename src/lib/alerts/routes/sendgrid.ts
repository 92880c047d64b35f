import { ProviderError } from '../../providers/errors.ts';
import type { MailGateway } from '../../providers/mail.ts';
import type { AlertMessage } from '../message.ts';
import type { RouteOf } from '../route-settings.ts';
import { mailContent } from './email.ts';
import { RouteFailure } from './failure.ts';

/**
 * Mails through SendGrid, to each recipient by itself. Its time limit is the gateway's own.
 * An unknown outcome counts as not sent: an alert that comes twice does no harm.
 */
export async function sendBySendgrid(
  { to, templateId }: RouteOf<'sendgrid'>,
  message: AlertMessage,
  { mail, from }: { mail: MailGateway; from: { email: string; name: string } },
): Promise<void> {
  const { title, text, level, mode, audience, alerts } = message;
  const data = { title, text, level: level ?? 'ok', mode, audience, alerts };
  for (const email of to) {
    try {
      await mail.send({
        ...mailContent(message),
        ...{ from, replyTo: undefined, to: { email, name: '' } },
        template: templateId
          ? { id: templateId, data: JSON.parse(JSON.stringify(data)) }
          : undefined,
        customArgs: { alert_id: alerts[0]?.id ?? '' },
        categories: ['alert'],
      });
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      throw new RouteFailure(`SendGrid did not take it: ${error.errorClass}`);
    }
  }
}
