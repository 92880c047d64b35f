import type { IncomingHttpHeaders } from 'node:http';

/** A provider's request, its body as it came: signatures are over bytes. */
export interface WebhookRequest {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** What the provider is answered: 2xx when all of it is done and durable; with anything else it sends again. */
export interface WebhookAnswer {
  status: 200 | 400 | 401;
  /** One line for whoever looks at the provider's log of deliveries. */
  message: string;
}

/** Takes the webhooks of one provider. Throws when they could not be applied; nothing was then. */
export type WebhookHandler = (request: WebhookRequest) => Promise<WebhookAnswer>;

export const done: WebhookAnswer = { status: 200, message: 'ok' };
export const unsigned: WebhookAnswer = { status: 401, message: 'the signature is not valid' };
export const unreadable: WebhookAnswer = { status: 400, message: 'the body cannot be read' };
