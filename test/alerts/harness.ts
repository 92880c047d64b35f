import pino from 'pino';
import type { DeliverOptions } from '../../src/lib/alerts/deliver.ts';
import type { EvaluateOptions } from '../../src/lib/alerts/evaluate.ts';
import { type Route, routesSchema } from '../../src/lib/alerts/route-settings.ts';
import { resolveRules } from '../../src/lib/health/rule-settings.ts';
import { type HttpRequest, startHttpServer } from '../../src/lib/http/server.ts';

/** A server that takes whatever is posted to it. */
export interface Inbox {
  url: string;
  requests: { headers: HttpRequest['headers']; body: string }[];
  /** What it answers from now on; `undefined` to cut the connection. */
  answer: number | undefined;
  close(): Promise<void>;
}

export async function startInbox(): Promise<Inbox> {
  const inbox: Inbox = { url: '', requests: [], answer: 200, close: async () => {} };
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    async serve(request, response) {
      const body = (await request.body()).toString();
      inbox.requests.push({ headers: request.headers, body });
      if (inbox.answer === undefined) return void response.destroy();
      return { status: inbox.answer, body: '' };
    },
    failure: () => ({ status: 500, body: '' }),
    maxBodyBytes: 1_000_000,
    requestTimeoutMs: 5000,
    closePatienceMs: 100,
  });
  inbox.url = server.url;
  inbox.close = () => server.close();
  return inbox;
}

type RouteGiven = Record<string, unknown>;

export const routesOf = (...given: RouteGiven[]): Route[] => routesSchema.parse(given);

/** Options of evaluating and delivering, with a log to read. */
export function watching(
  routes: Route[],
  rules: Parameters<typeof resolveRules>[0] = [],
): EvaluateOptions & DeliverOptions & { lines: string[] } {
  const lines: string[] = [];
  return {
    rules: resolveRules(rules),
    routes,
    timeZone: 'UTC',
    dataDir: undefined,
    mode: 'sandbox',
    locale: 'en-US',
    from: { email: 'alerts@harborlights.example', name: 'Harbor Lights' },
    mail: () => Promise.reject(new Error('no mail here')),
    env: { PATH: process.env.PATH },
    log: pino({ base: null }, { write: (line) => void lines.push(line) }),
    lines,
  };
}
