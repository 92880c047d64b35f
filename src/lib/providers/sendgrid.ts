import { finished, type Readable } from 'node:stream';
import sendgridClient from '@sendgrid/client';
import sendgridMail from '@sendgrid/mail';
import { keepAliveAgents } from './agents.ts';
import type { MailGateway, MailMessage } from './mail.ts';
import {
  type Answer,
  type Ask,
  headerText,
  isAccepted,
  lacksMailSend,
  noAnswer,
  parseJson,
  refusal,
} from './sendgrid-errors.ts';

// Both packages export an instance that also has its class, which their type declarations omit.
const { Client } = sendgridClient as unknown as { Client: new () => SendGridClient };
const { MailService } = sendgridMail as unknown as { MailService: new () => SendGridMail };

interface SendGridClient {
  setApiKey(key: string): void;
  /** Settings that the client does not use are passed on to axios. */
  setDefaultRequest(defaults: Record<string, unknown>): void;
  request(request: { method: string; url: string }): Promise<[Response, unknown]>;
}

interface SendGridMail {
  setClient(client: SendGridClient): void;
  send(mail: Record<string, unknown>): Promise<[Response, unknown]>;
}

interface Response {
  statusCode: number;
  headers: Record<string, unknown>;
  body: Readable;
}

export interface SendGridOptions {
  apiKey: string;
  /** The base URL of the API without `/v3`; SendGrid's own by default. */
  apiBase?: string | undefined;
  /** From the start of the call to the last byte of its answer. */
  timeoutMs: number;
  /** The sender of the mails. `ping` checks that SendGrid allows the account to use it. */
  sender?: { email: string; name: string } | undefined;
}

// Enough for every error text and every list of scopes.
const MAX_BODY_CHARS = 64 * 1024;

/** The mail gateway for SendGrid. Each failure states whether the mail may have been accepted. */
export function sendgridGateway(options: SendGridOptions): MailGateway {
  const { apiKey, apiBase, timeoutMs, sender } = options;
  const client = new Client();
  client.setApiKey(apiKey);
  client.setDefaultRequest({
    // Must follow setApiKey, which resets the base URL.
    ...(apiBase ? { baseUrl: apiBase } : {}),
    // With every status valid, @sendgrid/client never constructs its ResponseError. That
    // constructor throws, and leaves the promise unsettled, when the path of the working directory
    // contains special characters of regular expressions.
    validateStatus: () => true,
    // The status alone decides, so it must not be lost when the body breaks off.
    responseType: 'stream',
    maxRedirects: 0,
    ...keepAliveAgents(timeoutMs / 2),
  });
  const service = new MailService();
  service.setClient(client);

  /** Returns the answer, whatever its status. `request` must start its request synchronously. */
  async function call(ask: Ask, request: () => Promise<[Response, unknown]>): Promise<Answer> {
    // Limits the whole call. The time-out of axios applies to an idle socket, so a slowly dripping
    // answer never reaches it.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    try {
      // The client copies its defaults synchronously, so the signal applies to this call only.
      client.setDefaultRequest({ signal: deadline.signal });
      const [{ statusCode, headers, body }] = await request();
      return { status: statusCode, headers, body: await readBody(body) };
    } catch (error) {
      throw noAnswer(ask, error, deadline.signal.aborted ? timeoutMs : undefined);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async send(message) {
      const answer = await call('send', () => service.send(toSendGrid(message)));
      if (!isAccepted(answer)) throw refusal('send', answer, new Date());
      return { messageId: headerText(answer.headers, 'x-message-id'), httpStatus: answer.status };
    },

    async ping() {
      const answer = await call('look', () => client.request({ method: 'GET', url: '/v3/scopes' }));
      if (answer.status !== 200) throw refusal('look', answer, new Date());
      const scopes = parseJson<{ scopes?: string[] }>(answer.body)?.scopes ?? [];
      if (!scopes.includes('mail.send')) throw lacksMailSend();
      if (sender) {
        const tried = await call('look', () => service.send(toProbe(sender)));
        if (!isAccepted(tried)) throw refusal('look', tried, new Date());
      }
      const date = headerText(answer.headers, 'date');
      return { scopes, serverTime: date ? new Date(date) : undefined };
    },
  };
}

/**
 * A mail that SendGrid validates but neither sends, nor counts, nor reports in events.
 * https://www.twilio.com/docs/sendgrid/for-developers/sending-email/sandbox-mode
 */
const toProbe = (sender: { email: string; name: string }) => ({
  from: sender,
  to: sender,
  subject: 'donations checks the sender',
  text: 'This mail is checked and not sent.',
  mailSettings: { sandboxMode: { enable: true } },
});

function toSendGrid(message: MailMessage): Record<string, unknown> {
  const { from, to, replyTo, customArgs, categories, template, subject, text, html } = message;
  const attachments = (message.attachments ?? []).map(({ filename, type, content }) => ({
    filename,
    type,
    content: content.toString('base64'),
    disposition: 'attachment',
  }));
  const content = template
    ? { templateId: template.id, dynamicTemplateData: template.data }
    : { subject, text, html };
  return {
    from,
    to,
    replyTo,
    customArgs,
    categories,
    ...content,
    ...(attachments.length > 0 ? { attachments } : {}),
  };
}

/**
 * Reads the part of the body that arrives before its end, an error or the deadline. The status is
 * known already; the body may explain it. (Uses events, because async iteration would take a tenth
 * of the call's time.)
 */
function readBody(stream: Readable): Promise<string> {
  return new Promise((resolve) => {
    let body = '';
    finished(stream, () => resolve(body));
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
      if (body.length > MAX_BODY_CHARS) stream.destroy();
    });
  });
}
