import type { AlertMessage } from '../message.ts';
import type { RouteOf } from '../route-settings.ts';
import { postJson } from './post.ts';

/** Slack takes up to 40,000 characters and cuts what is longer; a reader wants a page. */
const MAX_TEXT = 3000;
const SIGNS = { critical: ':red_circle:', warning: ':warning:' };

/** Posts to an incoming webhook of Slack, or of what understands the same (Mattermost, Rocket.Chat). */
export async function sendSlack(
  { url }: RouteOf<'slack'>,
  { level, title, text }: AlertMessage,
  signal: AbortSignal,
): Promise<void> {
  const sign = level ? SIGNS[level] : ':white_check_mark:';
  const body = `${sign} *${escaped(title)}*\n${escaped(text)}`.slice(0, MAX_TEXT);
  await postJson(url, JSON.stringify({ text: body }), signal);
}

/** https://docs.slack.dev/messaging/formatting-message-text: these three, and no mention is made then. */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
