import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import sendgridClient from '@sendgrid/client';
import sendgridMail from '@sendgrid/mail';
import { maskText } from '../mask.ts';
import { DeadlineError, isCertificateCode, NOT_SENT_CODES, retryAfterMs, withDeadline } from './deadline.ts';
import { ProviderError, type ProviderErrorDetails } from './errors.ts';
import type { MailGateway, MailMessage } from './mail.ts';

// Both packages export an instance that carries its class; their type declarations know of neither.
const { Client } = sendgridClient as unknown as { Client: new () => SendGridClient };
const { MailService } = sendgridMail as unknown as { MailService: new () => SendGridMail };

interface Response {
  statusCode: number;
  headers: Record<string, unknown>;
  body: unknown;
}

interface SendGridClient {
  setApiKey(key: string): void;
  /** Whatever it does not know itself is passed through to axios. */
  setDefaultRequest(defaults: Record<string, unknown>): void;
  request(request: { method: string; url: string }): Promise<[Response, unknown]>;
}

interface SendGridMail {
  setClient(client: SendGridClient): void;
  send(mail: Record<string, unknown>): Promise<[Response, unknown]>;
}

export interface SendGridOptions {
  apiKey: string;
  apiBase?: string | undefined;
  timeoutMs: number;
}

// Shorter than servers keep idle connections: one that they close under us is an unknown outcome.
const IDLE_SOCKET_MS = 4000;

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
}

/** SendGrid behind our interface. It knows of each failure whether the mail can have been accepted. */
export function sendgridGateway({ apiKey, apiBase, timeoutMs }: SendGridOptions): MailGateway {
  const client = new Client();
  const agent = { keepAlive: true, timeout: IDLE_SOCKET_MS };
  client.setApiKey(apiKey);
  // After the key: setting the key resets the base URL.
  client.setDefaultRequest({
    ...(apiBase ? { baseUrl: apiBase.replace(/\/$/, '') } : {}),
    // With every status valid, @sendgrid/client's ResponseError is never
    // made: its constructor throws, and the promise never settles, when the path of the working
    // directory has characters that mean something in a regular expression.
    validateStatus: () => true,
    timeout: timeoutMs,
    maxRedirects: 0,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent(agent),
  });
  const service = new MailService();
  service.setClient(client);

  const call = async (what: string, request: () => Promise<Answer>): Promise<Answer> => {
    let answer: Answer;
    try {
      answer = await withDeadline(timeoutMs, request);
    } catch (error) {
      const partial = partialAnswer(error);
      if (!partial) throw notAnswered(error, timeoutMs);
      answer = partial;
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refused(what, answer);
  };

  return {
    async send(message) {
      const answer = await call('the mail', async () => {
        const [response] = await service.send(toSendGrid(message));
        return { status: response.statusCode, headers: response.headers, body: response.body };
      });
      return { messageId: text(answer.headers['x-message-id']), httpStatus: answer.status };
    },
    async ping() {
      const answer = await call('the request', async () => {
        const [response] = await client.request({ method: 'GET', url: '/v3/scopes' });
        return { status: response.statusCode, headers: response.headers, body: response.body };
      });
      const { scopes } = (answer.body ?? {}) as { scopes?: string[] };
      const date = text(answer.headers.date);
      return { scopes: scopes ?? [], serverTime: date ? new Date(date) : undefined };
    },
  };
}

function toSendGrid(message: MailMessage): Record<string, unknown> {
  const { template } = message;
  return {
    from: message.from,
    to: message.to,
    replyTo: message.replyTo,
    customArgs: message.customArgs,
    categories: message.categories,
    ...(template
      ? { templateId: template.id, dynamicTemplateData: template.data }
      : { subject: message.subject, text: message.text, html: message.html }),
  };
}

/** What a 2xx or an error status tells even when the rest of the answer was lost. */
function partialAnswer(error: unknown): Answer | undefined {
  const response = (error as { response?: { status?: number; headers?: Record<string, unknown> } }).response;
  if (typeof response?.status !== 'number') return undefined;
  return { status: response.status, headers: response.headers ?? {}, body: undefined };
}

/** No status came: was anything sent? The SDK's error is looked at and let go, as it holds key and mail. */
function notAnswered(error: unknown, timeoutMs: number): ProviderError {
  const { code, syscall } = (error ?? {}) as { code?: string; syscall?: string };
  const base = { provider: 'sendgrid' as const, code };
  if (error instanceof DeadlineError || code === 'ECONNABORTED' || (code === 'ETIMEDOUT' && syscall !== 'connect')) {
    return new ProviderError({
      ...base,
      code: 'timeout',
      errorClass: 'unknown_outcome',
      providerDown: true,
      message: `SendGrid did not answer within ${timeoutMs / 1000} s; the mail may have been sent`,
    });
  }
  if (isCertificateCode(code)) {
    return new ProviderError({
      ...base,
      errorClass: 'misconfigured',
      message: `SendGrid's certificate was not accepted (${code})`,
    });
  }
  if (code && (NOT_SENT_CODES.includes(code) || syscall === 'connect' || code === 'ERR_INVALID_URL')) {
    return new ProviderError({
      ...base,
      errorClass: 'transient',
      providerDown: true,
      message: `SendGrid cannot be reached (${code})`,
    });
  }
  return new ProviderError({
    ...base,
    errorClass: 'unknown_outcome',
    providerDown: true,
    message: `the connection to SendGrid was lost (${code ?? 'no answer'}); the mail may have been sent`,
  });
}

function refused(what: string, { status, headers, body }: Answer): ProviderError {
  const said = text((body as { errors?: { message?: unknown }[] } | undefined)?.errors?.[0]?.message);
  const because = said ? `: ${maskText(said).slice(0, 300)}` : '';
  const details = { provider: 'sendgrid' as const, httpStatus: status, requestId: text(headers['x-message-id']) };
  const error = (rest: Omit<ProviderErrorDetails, 'provider'>) => new ProviderError({ ...details, ...rest });
  if (status === 401 || status === 403) {
    return error({ errorClass: 'misconfigured', message: `SendGrid refused our key or sender (${status})${because}` });
  }
  if (status === 429) {
    return error({
      errorClass: 'rate_limited',
      retryAfterMs: retryAfterMs(headers, new Date()),
      message: 'SendGrid asked us to slow down (429)',
    });
  }
  if (status === 503) {
    return error({ errorClass: 'transient', providerDown: true, message: 'SendGrid is not available (503)' });
  }
  if (status >= 500) {
    return error({
      errorClass: 'unknown_outcome',
      providerDown: true,
      message: `SendGrid failed (${status}); the mail may have been sent`,
    });
  }
  return error({ errorClass: 'permanent', message: `SendGrid refused ${what} (${status})${because}` });
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
