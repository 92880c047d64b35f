import { z } from 'zod';
import { UserError } from '../errors.ts';
import { fromJson } from '../health/rule-settings.ts';
import { parseDuration } from '../parse.ts';
import { isVisible, safeLine } from '../text.ts';

/** No message may take longer: who claims one and dies holds it up for a little more than this. */
const LONGEST_TIMEOUT_MS = 30_000;

const line = (max: number) =>
  z
    .string('is not a text')
    .min(1, 'is empty')
    .max(max, `is longer than ${max} characters`)
    .refine(
      (text) => isVisible(text) && safeLine(text) === text,
      'is not one line that can be seen',
    );
const name = z
  .string('is not a name')
  .regex(/^[a-z][a-z0-9_-]{0,39}$/, 'is not a name of up to 40 small letters, digits, - or _');
const time = (max: number) =>
  z.string('is not a time such as 5m').transform((text, context) => {
    try {
      return parseDuration(text, { max });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
const DAY_MS = 86_400_000;
const address = z
  .string('is not an e-mail address')
  .max(254, 'is not an e-mail address')
  .regex(/^[^\s@<>"(),;:\\[\]]+@[^\s@<>"(),;:\\[\]]+$/, 'is not an e-mail address');
const webUrl = z
  .url({ protocol: /^https?$/, error: 'is not an http(s) URL' })
  .max(2000, 'is longer than 2,000 characters');
const CLOCK = '([01]\\d|2[0-3]):([0-5]\\d)';

const common = {
  name,
  audience: z
    .enum(['operators', 'business'], 'is neither operators nor business')
    .default('operators'),
  /** The lowest level that it receives. */
  level: z.enum(['warning', 'critical'], 'is neither warning nor critical').default('warning'),
  /** Only alerts of these tasks. */
  tasks: z.array(line(100)).min(1).max(100).optional(),
  /** The route that receives an alert when this one fails. */
  fallback: name.optional(),
  /** Receives only what other routes could not deliver. */
  standby: z.boolean('is neither true nor false').default(false),
  timeout: time(LONGEST_TIMEOUT_MS).default(10_000),
  /** After an alert, the same alert is not sent again before this time has passed. */
  coolDown: time(DAY_MS).optional(),
  /** How long an alert waits for others, to come in one message with them. */
  group: time(3_600_000).optional(),
  /** When warnings wait, by the organisation's clock: 22:00-07:00. */
  quietHours: z
    .string('is not like 22:00-07:00')
    .regex(new RegExp(`^${CLOCK}-${CLOCK}$`), 'is not like 22:00-07:00')
    .optional(),
  /** The interval of reminders while an incident is open and not acknowledged. */
  remind: time(30 * DAY_MS).optional(),
  /** Whether it receives the end of an incident. */
  recovered: z.boolean('is neither true nor false').default(true),
};
const recipients = z.array(address, 'is not a list of e-mail addresses').min(1).max(50);

const routeSettings = z.discriminatedUnion(
  'via',
  [
    z.strictObject({ ...common, via: z.literal('log') }),
    z.strictObject({
      ...common,
      via: z.literal('sendgrid'),
      to: recipients,
      /** A dynamic template of its own. */
      templateId: z
        .string()
        .regex(/^d-\w+$/, 'is not a dynamic template (d-…)')
        .optional(),
    }),
    z.strictObject({
      ...common,
      via: z.literal('smtp'),
      to: recipients,
      from: address.optional(),
      server: z
        .url({ protocol: /^smtps?$/, error: 'is not an SMTP URL (smtp://user:password@host:587)' })
        .max(2000),
    }),
    z.strictObject({
      ...common,
      via: z.literal('webhook'),
      url: webUrl,
      /** What the body is signed with. */
      secret: z.string().min(16, 'is shorter than 16 characters').max(500).optional(),
    }),
    z.strictObject({ ...common, via: z.literal('slack'), url: webUrl }),
    z.strictObject({
      ...common,
      via: z.literal('pagerduty'),
      routingKey: z.string().regex(/^\w{32}$/, 'is not an integration key of 32 characters'),
      url: webUrl.default('https://events.pagerduty.com/v2/enqueue'),
    }),
    z.strictObject({
      ...common,
      via: z.literal('command'),
      /** The program and its arguments; no shell reads them. */
      command: z.array(z.string().min(1).max(2000)).min(1).max(50),
    }),
  ],
  'is not one of log, sendgrid, smtp, webhook, slack, pagerduty, command',
);

/** Where alerts go. Times in milliseconds. */
export type Route = z.output<typeof routeSettings>;
export type RouteOf<Via extends Route['via']> = Extract<Route, { via: Via }>;
export type Audience = Route['audience'];

/** `[[alerts.routes]]` in the settings; in the environment a JSON list. */
export const routesSchema = z
  .preprocess(
    fromJson,
    z.array(routeSettings, 'is not a list of routes').max(50, 'are more than 50'),
  )
  .superRefine((routes, context) => {
    const wrong = (message: string) => context.addIssue({ code: 'custom', message });
    const named = new Map(routes.map((route) => [route.name, route]));
    if (named.size < routes.length) return wrong('has two routes of one name');
    for (const route of routes) {
      const seen = new Set<string>();
      for (let at: Route | undefined = route; at; ) {
        if (seen.has(at.name)) return wrong(`route ${route.name} falls back to itself`);
        seen.add(at.name);
        if (at.fallback === undefined) break;
        const next = named.get(at.fallback);
        if (!next)
          return wrong(`route ${at.name} falls back to ${at.fallback}, which there is not`);
        at = next;
      }
      if (route.standby && !routes.some(({ fallback }) => fallback === route.name))
        return wrong(`route ${route.name} is standby, but no route falls back to it`);
    }
  });

/** What may be shown of routes: neither keys nor addresses that are as good as keys. */
export function shownRoutes(value: unknown): unknown {
  if (!Array.isArray(value)) return '****';
  return value.map((route: unknown) =>
    typeof route === 'object' && route !== null
      ? Object.fromEntries(
          Object.entries(route).map(([key, inner]) => [key, SHOWN.has(key) ? inner : '****']),
        )
      : '****',
  );
}

const SHOWN = new Set([...Object.keys(common), 'via', 'to', 'from', 'templateId']);
