import type { AlertMessage } from '../message.ts';

/** A message as a mail. */
export interface MailContent {
  subject: string;
  text: string;
  html: string;
}

export function mailContent({ title, text, alerts, mode }: AlertMessage): MailContent {
  const note =
    mode === 'live' ? '' : `\n\nThis is from a ${mode} system: no real money is concerned.`;
  const parts = alerts.map(
    (alert) => `<h2>${escaped(alert.title)}</h2>\n<pre>${escaped(alert.text)}</pre>`,
  );
  return {
    subject: title,
    text: `${text}${note}\n`,
    html: `<!doctype html>\n<html lang="en"><body>\n${parts.join('\n')}\n<p>${escaped(note.trim())}</p>\n</body></html>\n`,
  };
}

const escaped = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
