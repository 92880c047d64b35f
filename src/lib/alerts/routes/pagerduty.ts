import type { Alert, AlertMessage } from '../message.ts';
import type { RouteOf } from '../route-settings.ts';
import { postJson } from './post.ts';

/** https://developer.pagerduty.com/docs/send-alert-event: at most so much. */
const MAX_SUMMARY = 1024;

/**
 * Sends each alert as an event of the Events API v2. Its key is the incident's id: sent again, it is
 * the same alert there, and its end resolves it.
 */
export async function sendPagerduty(
  route: RouteOf<'pagerduty'>,
  message: AlertMessage,
  signal: AbortSignal,
): Promise<void> {
  for (const alert of message.alerts) {
    await postJson(route.url, JSON.stringify(toEvent(route, message, alert)), signal);
    // A test leaves nothing open there.
    if (alert.event === 'test')
      await postJson(
        route.url,
        JSON.stringify(toEvent(route, message, { ...alert, event: 'recovered' })),
        signal,
      );
  }
}

function toEvent({ routingKey }: RouteOf<'pagerduty'>, { mode }: AlertMessage, alert: Alert) {
  const event = { routing_key: routingKey, dedup_key: alert.incident };
  if (alert.event === 'recovered') return { ...event, event_action: 'resolve' };
  return {
    ...event,
    event_action: 'trigger',
    client: 'donations',
    payload: {
      summary: `${mode === 'live' ? '' : `[${mode.toUpperCase()}] `}${alert.title}`.slice(
        0,
        MAX_SUMMARY,
      ),
      source: alert.subject ?? 'donations',
      severity: alert.level,
      timestamp: alert.since.toISOString(),
      component: alert.subject ?? undefined,
      class: alert.rule,
      custom_details: {
        text: alert.text,
        jobs: alert.jobs,
        donors: alert.donors,
        gifts: alert.money,
      },
    },
  };
}
