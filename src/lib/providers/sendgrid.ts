import sendgridMail from '@sendgrid/mail';
import { type Answer, type Call, DeadlineError, httpCaller } from './http-call.ts';
import type { MailGateway, MailMessage } from './mail.ts';
import {
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

/** A request of @sendgrid/mail to its client. */
interface Asked {
  method: 'POST';
  url: string;
  body: object;
}

interface Bulk {
  custom_args?: Record<string, string>;
  categories?: string[];
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

/**
 * The mail gateway for SendGrid. Each failure states whether the mail may have been accepted.
 *
 * @sendgrid/mail checks and writes the mails, and undici sends them. @sendgrid/client is not used: its
 * errors do not say whether the request was sent, and it takes half of the worker's time.
 */
export function sendgridGateway(options: SendGridOptions): MailGateway {
  const { apiKey, apiBase = API_BASE, timeoutMs, sender } = options;
  const call = httpCaller({
    baseUrl: apiBase,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    timeoutMs,
  });
  const writer = new MailService();
  writer.setClient({ request: async (asked) => asked });

  async function write(head: Record<string, unknown>, bulk: Bulk): Promise<Call> {
    try {
      const { method, url, body } = await writer.send(head);
      return { method, path: url, body: { ...body, ...bulk } };
    } catch (error) {
      throw invalidMail(error);
    }
  }

  /** Returns the answer, whatever its status. */
  async function ask(what: Ask, request: Call): Promise<Answer> {
    try {
      return await call(request);
    } catch (error) {
      throw noAnswer(what, error, error instanceof DeadlineError ? timeoutMs : undefined);
    }
  }

  return {
    async send(message) {
      const answer = await ask('send', await write(headOf(message), bulkOf(message)));
      if (!isAccepted(answer)) throw refusal('send', answer, new Date());
      return { messageId: headerText(answer.headers, 'x-message-id'), httpStatus: answer.status };
    },

    async ping() {
      const answer = await ask('look', { method: 'GET', path: '/v3/scopes' });
      if (answer.status !== 200) throw refusal('look', answer, new Date());
      const scopes = parseJson<{ scopes?: string[] }>(answer.body)?.scopes ?? [];
      if (!scopes.includes('mail.send')) throw lacksMailSend();
      if (sender) {
        const tried = await ask('look', await write(toProbe(sender), {}));
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

/** What @sendgrid/mail checks of a mail. */
function headOf({ from, to, replyTo, template, subject }: MailMessage) {
  const content = template
    ? // The warnings are about names such as O’Brien, and go to the terminal with each mail.
      { templateId: template.id, dynamicTemplateData: template.data, hideWarnings: true }
    : { subject };
  return { from, to, replyTo, ...content };
}

/**
 * The other parts of a mail, as the API has them. @sendgrid/mail would copy them several times.
 * https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
 */
function bulkOf(mail: MailMessage): Bulk {
  const { customArgs, categories, template, text, html, attachments = [] } = mail;
  const files = attachments.map(({ filename, type, content }) => ({
    filename,
    type,
    content: content.toString('base64'),
    disposition: 'attachment',
  }));
  return {
    custom_args: customArgs,
    categories,
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
