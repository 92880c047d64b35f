import { finished, type Readable } from 'node:stream';
import sendgridMail from '@sendgrid/mail';
import { Agent, buildConnector, request } from 'undici';
import type { MailGateway, MailMessage } from './mail.ts';
import {
  type Answer,
  type Ask,
  headerText,
  invalidMail,
  isAccepted,
  lacksMailSend,
  noAnswer,
  parseJson,
  refusal,
} from './sendgrid-errors.ts';

// The package exports an instance that also has its class, which its type declarations omit.
const { MailService } = sendgridMail as unknown as { MailService: new () => SendGridMail };

interface SendGridMail {
  setClient(client: { request(asked: Asked): Promise<Asked> }): void;
  send(mail: Record<string, unknown>): Promise<Asked>;
}

/** A request to SendGrid. */
interface Asked {
  method: 'GET' | 'POST';
  url: string;
  body?: object;
}

interface Bulk {
  content?: { type: string; value: string }[];
  attachments?: { filename: string; type: string; content: string; disposition: string }[];
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

const API_BASE = 'https://api.sendgrid.com';
// Enough for every error text and every list of scopes.
const MAX_BODY_CHARS = 64 * 1024;
// Shorter than the keep-alive of servers: when a server closes a connection just as a request is
// sent, the outcome is unknown.
const IDLE_SOCKET_MS = 4000;

/**
 * The mail gateway for SendGrid. Each failure states whether the mail may have been accepted.
 *
 * @sendgrid/mail checks and writes the mails, and undici sends them. @sendgrid/client is not used: its
 * errors do not say whether the request was sent, and it takes half of the worker's time.
 */
export function sendgridGateway(options: SendGridOptions): MailGateway {
  const { apiKey, apiBase = API_BASE, timeoutMs, sender } = options;
  const base = apiBase.replace(/\/+$/, '');
  const dispatcher = connections(timeoutMs / 2);
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const writer = new MailService();
  writer.setClient({ request: async (asked) => asked });

  async function write(head: Record<string, unknown>, bulk: Bulk): Promise<Asked> {
    try {
      const asked = await writer.send(head);
      return { ...asked, body: { ...asked.body, ...bulk } };
    } catch (error) {
      throw invalidMail(error);
    }
  }

  /** Returns the answer, whatever its status. */
  async function call(ask: Ask, { method, url, body }: Asked): Promise<Answer> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    try {
      const answer = await request(base + url, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        dispatcher,
        signal: deadline.signal,
      });
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: await readBody(answer.body),
      };
    } catch (error) {
      throw noAnswer(ask, error, deadline.signal.aborted ? timeoutMs : undefined);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async send(message) {
      const answer = await call('send', await write(headOf(message), bulkOf(message)));
      if (!isAccepted(answer)) throw refusal('send', answer, new Date());
      return { messageId: headerText(answer.headers, 'x-message-id'), httpStatus: answer.status };
    },

    async ping() {
      const answer = await call('look', { method: 'GET', url: '/v3/scopes' });
      if (answer.status !== 200) throw refusal('look', answer, new Date());
      const scopes = parseJson<{ scopes?: string[] }>(answer.body)?.scopes ?? [];
      if (!scopes.includes('mail.send')) throw lacksMailSend();
      if (sender) {
        const tried = await call('look', await write(toProbe(sender), {}));
        if (!isAccepted(tried)) throw refusal('look', tried, new Date());
      }
      const date = headerText(answer.headers, 'date');
      return { scopes, serverTime: date ? new Date(date) : undefined };
    },
  };
}

/**
 * Connections that are closed if they are not ready within `connectMs`, TLS included. Every error
 * before that has `syscall: 'connect'`, which proves that nothing was sent.
 */
function connections(connectMs: number): Agent {
  const connector = buildConnector({ timeout: connectMs });
  return new Agent({
    keepAliveTimeout: IDLE_SOCKET_MS,
    keepAliveMaxTimeout: IDLE_SOCKET_MS,
    // The call has one time limit, for all of it.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, done) =>
      connector(options, (...[error, socket]) =>
        error ? done(Object.assign(error, { syscall: 'connect' }), null) : done(null, socket),
      ),
  });
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

/** What @sendgrid/mail checks of a mail. */
function headOf({ from, to, replyTo, customArgs, categories, template, subject }: MailMessage) {
  const content = template
    ? // The warnings are about names such as O’Brien, and go to the terminal with each mail.
      { templateId: template.id, dynamicTemplateData: template.data, hideWarnings: true }
    : { subject };
  return { from, to, replyTo, customArgs, categories, ...content };
}

/**
 * The large parts of a mail, as the API has them. @sendgrid/mail would copy them several times.
 * https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
 */
function bulkOf({ template, text, html, attachments = [] }: MailMessage): Bulk {
  const files = attachments.map(({ filename, type, content }) => ({
    filename,
    type,
    content: content.toString('base64'),
    disposition: 'attachment',
  }));
  return {
    ...(template
      ? {}
      : {
          content: [
            { type: 'text/plain', value: text },
            { type: 'text/html', value: html },
          ],
        }),
    ...(files.length > 0 ? { attachments: files } : {}),
  };
}

/**
 * Reads the part of the body that arrives before its end, an error or the deadline. The status alone
 * decides, so it must not be lost when the body breaks off. (Uses events, because async iteration
 * would take a tenth of the call's time.)
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
