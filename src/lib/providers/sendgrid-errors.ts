import { maskText } from '../mask.ts';
import { ProviderError, type ProviderErrorDetails } from './errors.ts';
import { retryAfterMs } from './retry-after.ts';
import { socketFault } from './socket-fault.ts';

/** An HTTP answer, its header names in lower case, its body as text. */
export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** What was asked: a mail can be handed over twice; a look changes nothing. */
export type Ask = 'send' | 'look';

/** When it is not known whether it was done. */
const unknown = (ask: Ask) =>
  ask === 'send'
    ? ({ errorClass: 'unknown_outcome', perhaps: '; the mail may have been sent' } as const)
    : ({ errorClass: 'transient', perhaps: '' } as const);

const fail = (details: Omit<ProviderErrorDetails, 'provider'>) =>
  new ProviderError({ provider: 'sendgrid', ...details });

/** True when the answer means that SendGrid took the mail over (200: checked only, in its sandbox mode). */
export function isAccepted({ status, headers }: Answer): boolean {
  if (status === 202) return true;
  // An HTML page comes from a proxy: SendGrid answers in JSON, or with an empty body.
  return status === 200 && !String(headers['content-type'] ?? '').includes('text/html');
}

/** What an answer means that is not the acceptance of the mail. */
export function refusal(ask: Ask, answer: Answer, now: Date): ProviderError {
  const { status, headers } = answer;
  const details = {
    httpStatus: status,
    requestId: headerText(headers, 'x-message-id') ?? headerText(headers, 'x-request-id'),
  };
  const why = reason(answer.body);
  if (status === 401 || status === 403) {
    const what = status === 401 ? 'the API key' : "the sender, or the key's permissions";
    return fail({
      ...details,
      errorClass: 'misconfigured',
      message: `SendGrid refused ${what} (${status})${why}`,
    });
  }
  if (status === 429) {
    return fail({
      ...details,
      errorClass: 'rate_limited',
      retryAfterMs: retryAfterMs(headers, now),
      message: 'SendGrid asked us to slow down (429)',
    });
  }
  if (status === 503) {
    return fail({
      ...details,
      errorClass: 'transient',
      retryAfterMs: retryAfterMs(headers, now),
      providerDown: true,
      message: 'SendGrid is not available (503)',
    });
  }
  if (status === 408) {
    return fail({
      ...details,
      errorClass: 'transient',
      providerDown: true,
      message: 'SendGrid did not get the whole request in time (408)',
    });
  }
  if (status >= 400 && status < 500) {
    return fail({
      ...details,
      errorClass: 'permanent',
      message: `SendGrid refused the request (${status})${why}`,
    });
  }
  if (status >= 300 && status < 400) {
    return fail({
      ...details,
      errorClass: 'misconfigured',
      message: `SendGrid's address answered with a redirection (${status}); check SENDGRID_API_BASE`,
    });
  }
  const { errorClass, perhaps } = unknown(ask);
  const what =
    status >= 500 ? `SendGrid failed (${status})` : `the answer (${status}) is not SendGrid's`;
  return fail({ ...details, errorClass, providerDown: true, message: what + perhaps });
}

/**
 * What it means that no status came. The SDK's error holds the API key and the mail, so only the
 * socket's code is taken from it.
 *
 * @param timedOutMs the deadline, when it was what ended the call
 */
export function noAnswer(ask: Ask, error: unknown, timedOutMs: number | undefined): ProviderError {
  const { errorClass, perhaps } = unknown(ask);
  const { code, notSent, tls } = socketFault(error);
  if (tls && notSent) {
    return fail({
      errorClass: 'misconfigured',
      code,
      message: `no trusted connection to SendGrid could be made (${code})`,
    });
  }
  if (notSent) {
    return fail({
      errorClass: 'transient',
      code,
      providerDown: true,
      message: `SendGrid cannot be reached (${code}); nothing was sent`,
    });
  }
  if (timedOutMs !== undefined) {
    return fail({
      errorClass,
      code: 'deadline',
      providerDown: true,
      message: `SendGrid did not answer within ${timedOutMs / 1000} s${perhaps}`,
    });
  }
  if (!(error as { isAxiosError?: boolean }).isAxiosError) {
    // @sendgrid/mail checks the mail before it asks for anything.
    const why = error instanceof Error ? `: ${maskText(error.message).slice(0, 300)}` : '';
    return fail({
      errorClass: 'permanent',
      code: 'invalid_mail',
      message: `the mail cannot be sent${why}`,
    });
  }
  return fail({
    errorClass,
    code,
    providerDown: true,
    message: `the connection to SendGrid was lost (${code ?? 'no code'})${perhaps}`,
  });
}

/** The key is valid, but it does not have the right to send mail. */
export const lacksMailSend = () =>
  fail({
    errorClass: 'misconfigured',
    code: 'no_mail_send',
    message:
      'SendGrid takes the API key, but the key may not send mail; give it the permission Mail Send in SendGrid’s settings, API Keys',
  });

export function headerText(headers: Record<string, unknown>, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** SendGrid's first sentence about what is wrong, fit to be kept. */
function reason(body: string): string {
  const said = parseJson<{ errors?: { message?: unknown }[] }>(body)?.errors?.[0]?.message;
  return typeof said === 'string' && said !== '' ? `: ${maskText(said).slice(0, 300)}` : '';
}

/** The body's object; undefined when it is none, or broken. */
export function parseJson<T extends object>(body: string): T | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
