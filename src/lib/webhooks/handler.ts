import type { IncomingHttpHeaders } from 'node:http';

/** A provider's request. The body is unparsed, because signatures are over its bytes. */
export interface WebhookRequest {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * The answer to a provider: 2xx when the request is processed and durable; otherwise the provider
 * sends it again.
 */
export interface WebhookAnswer {
  status: 200 | 400 | 401;
  /** One line for the provider's log of deliveries. */
  message: string;
}

/**
 * Processes the webhooks of one provider. When it throws, nothing of the request has been applied.
 */
export type WebhookHandler = (request: WebhookRequest) => Promise<WebhookAnswer>;

export const done: WebhookAnswer = { status: 200, message: 'ok' };
export const unsigned: WebhookAnswer = { status: 401, message: 'the signature is not valid' };
export const unreadable: WebhookAnswer = { status: 400, message: 'the body cannot be parsed' };
