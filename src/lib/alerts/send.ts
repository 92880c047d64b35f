import type { Logger } from 'pino';
import type { MailGateway } from '../providers/mail.ts';
import type { AlertMessage } from './message.ts';
import type { Route } from './route-settings.ts';
import { runCommand } from './routes/command.ts';
import { writeToLog } from './routes/log.ts';
import { sendPagerduty } from './routes/pagerduty.ts';
import { sendBySendgrid } from './routes/sendgrid.ts';
import { sendSlack } from './routes/slack.ts';
import { sendBySmtp } from './routes/smtp.ts';
import { sendWebhook } from './routes/webhook.ts';

/** What routes need besides their settings. */
export interface RouteDeps {
  log: Logger;
  /** Who mails come from. */
  from: { email: string; name: string };
  mail(): Promise<MailGateway>;
  env: NodeJS.ProcessEnv;
}

/**
 * Sends a message by a route.
 * @throws whatever went wrong; `reasonOf` says it without secrets.
 */
export async function sendBy(route: Route, message: AlertMessage, deps: RouteDeps): Promise<void> {
  const signal = AbortSignal.timeout(route.timeout);
  switch (route.via) {
    case 'log':
      return writeToLog(deps.log, message);
    case 'sendgrid':
      return sendBySendgrid(route, message, { mail: await deps.mail(), from: deps.from });
    case 'smtp':
      return sendBySmtp(route, message, deps);
    case 'webhook':
      return sendWebhook(route, message, signal);
    case 'slack':
      return sendSlack(route, message, signal);
    case 'pagerduty':
      return sendPagerduty(route, message, signal);
    case 'command':
      return runCommand(route, message, deps.env);
  }
}
