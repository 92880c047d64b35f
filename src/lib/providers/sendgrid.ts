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

// Both packages export an instance that carries its class; their type declarations know of neither.
const { Client } = sendgridClient as unknown as { Client: new () => SendGridClient };
const { MailService } = sendgridMail as unknown as { MailService: new () => SendGridMail };

interface SendGridClient {
  setApiKey(key: string): void;
  /** Whatever the client does not know itself is passed through to axios. */
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
  /** Where the API is, without `/v3`; SendGrid's own by default. */
  apiBase?: string | undefined;
  /** From the call to the last byte of its answer. */
  timeoutMs: number;
  /** Who the mails come from: `ping` asks whether SendGrid lets the account send as this. */
  sender?: { email: string; name: string } | undefined;
}

// Enough for any error that SendGrid explains and for every scope.
const MAX_BODY_CHARS = 64 * 1024;

/** SendGrid behind our interface. Each failure says whether the mail can have been accepted. */
export function sendgridGateway(options: SendGridOptions): MailGateway {
  const { apiKey, apiBase, timeoutMs, sender } = options;
  const client = new Client();
  client.setApiKey(apiKey);
  client.setDefaultRequest({
    // After the key: setting the key resets the base URL.
    ...(apiBase ? { baseUrl: apiBase } : {}),
    // With every status valid, @sendgrid/client never makes its ResponseError, whose constructor
    // throws, and leaves the promise unsettled, when the working directory's path has characters
    // that mean something in a regular expression.
    validateStatus: () => true,
    // The status alone decides: it must not be lost with a body that breaks off after it.
    responseType: 'stream',
    maxRedirects: 0,
    ...keepAliveAgents(timeoutMs / 2),
  });
  const service = new MailService();
  service.setClient(client);

  /** The answer, whatever its status. `request` must make its request at once, not later. */
  async function call(ask: Ask, request: () => Promise<[Response, unknown]>): Promise<Answer> {
    // A deadline for the whole call: axios's own time-out is of the idle socket, which an answer
    // that drips passes for ever.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    try {
      // The client copies its defaults while it is being called, so this one is of this call only.
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
 * A mail that SendGrid checks like any other. It does not send it, count it or make events of it.
 * https://www.twilio.com/docs/sendgrid/for-developers/sending-email/sandbox-mode
 */
const toProbe = (sender: { email: string; name: string }) => ({
  from: sender,
  to: sender,
  subject: 'donations asks whether it may send',
  text: 'This mail is checked and not sent.',
  mailSettings: { sandboxMode: { enable: true } },
});

function toSendGrid(message: MailMessage): Record<string, unknown> {
  const { from, to, replyTo, customArgs, categories, template, subject, text, html } = message;
  const content = template
    ? { templateId: template.id, dynamicTemplateData: template.data }
    : { subject, text, html };
  return { from, to, replyTo, customArgs, categories, ...content };
}

/**
 * As much of the body as came before it ended, broke off, or was over the deadline: the status has
 * come already, and this may explain it. (Events, as async iteration costs a tenth of the call.)
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
