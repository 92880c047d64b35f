import { maskText } from '../mask.ts';
import { ProviderError, type ProviderErrorDetails } from './errors.ts';
import type { Answer } from './http-call.ts';
import { retryAfterMs } from './retry-after.ts';
import { socketFault } from './socket-fault.ts';

/** The kind of request: `send` is not idempotent, `look` changes nothing. */
export type Ask = 'send' | 'look';

/** The class when it is unknown whether the request was processed. */
const unknown = (ask: Ask) =>
  ask === 'send'
    ? ({ errorClass: 'unknown_outcome', perhaps: '; the mail may have been sent' } as const)
    : ({ errorClass: 'transient', perhaps: '' } as const);

const fail = (details: Omit<ProviderErrorDetails, 'provider'>) =>
  new ProviderError({ provider: 'sendgrid', ...details });

/** True when SendGrid accepted the mail (200: checked only, in its sandbox mode). */
export function isAccepted({ status, headers }: Answer): boolean {
  if (status === 202) return true;
  // An HTML page comes from a proxy: SendGrid answers with JSON or an empty body.
  return status === 200 && !String(headers['content-type'] ?? '').includes('text/html');
}

/** The error for an answer that does not accept the mail. */
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
      message: 'SendGrid asks for fewer requests (429)',
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
      message: 'SendGrid did not receive the whole request in time (408)',
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
      message: `the address of SendGrid answered with a redirect (${status}); check SENDGRID_API_BASE`,
    });
  }
  const { errorClass, perhaps } = unknown(ask);
  const what =
    status >= 500
      ? `SendGrid failed (${status})`
      : `the answer (${status}) does not come from SendGrid; check SENDGRID_API_BASE and proxies`;
  return fail({ ...details, errorClass, providerDown: true, message: what + perhaps });
}

/**
 * The error when no status was received. Only the code is read from the cause, because its text may
 * contain a part of the request.
 *
 * @param timedOutMs the deadline, if it ended the call
 */
export function noAnswer(ask: Ask, error: unknown, timedOutMs: number | undefined): ProviderError {
  const { errorClass, perhaps } = unknown(ask);
  const { code = nameOf(error), notSent, tls } = socketFault(error);
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
  return fail({
    errorClass,
    code,
    providerDown: true,
    message: `the connection to SendGrid was lost (${code ?? 'no code'})${perhaps}`,
  });
}

/** Errors of the HTTP parser have a name and no code. */
const nameOf = (error: unknown) => (error instanceof Error ? error.name : undefined);

/** The mail is not valid, so no request was made. */
export function invalidMail(error: unknown): ProviderError {
  const why = error instanceof Error ? `: ${maskText(error.message).slice(0, 300)}` : '';
  return fail({
    errorClass: 'permanent',
    code: 'invalid_mail',
    message: `the mail cannot be sent${why}`,
  });
}

/** The key is valid, but it may not send mail. */
export const lacksMailSend = () =>
  fail({
    errorClass: 'misconfigured',
    code: 'no_mail_send',
    message:
      'SendGrid accepts the API key, but the key may not send mail; give it the permission Mail Send in SendGrid’s settings, API Keys',
  });

export function headerText(headers: Record<string, unknown>, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The first sentence of SendGrid's explanation, masked and shortened. */
function reason(body: string): string {
  const said = parseJson<{ errors?: { message?: unknown }[] }>(body)?.errors?.[0]?.message;
  return typeof said === 'string' && said !== '' ? `: ${maskText(said).slice(0, 300)}` : '';
}

/** The JSON object in the body; undefined when there is none. */
export function parseJson<T extends object>(body: string): T | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
