import { Command } from 'commander';
import type { InboxMail } from '../../lib/providers/doubles/admin.ts';
import type { SandboxMail } from '../../lib/providers/doubles/client.ts';
import { print } from '../../lib/output/io.ts';
import { type Column, type OutputOptions, render } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { withOutput } from '../output-options.ts';
import { openSandbox } from './open-sandbox.ts';

const COLUMNS: Column<InboxMail>[] = [
  { name: 'id', header: 'MAIL', value: (mail) => mail.id },
  { name: 'accepted_at', header: 'ACCEPTED', value: (mail) => new Date(mail.accepted_at) },
  { name: 'to', header: 'TO', value: (mail) => mail.to },
  { name: 'subject', header: 'SUBJECT', value: (mail) => mail.subject },
  { name: 'receipt_id', header: 'RECEIPT', value: (mail) => mail.receipt_id, wide: true },
  { name: 'donation_id', header: 'DONATION', value: (mail) => mail.donation_id, wide: true },
];

/** `donations sandbox inbox`: the mails that the SendGrid double took. */
export function sandboxInboxCommand(context: Context): Command {
  const command = new Command('inbox')
    .description('the mails that the SendGrid double accepted, newest first')
    .option('--open <id>', 'one mail whole, as text')
    .option('--html', 'with --open: the HTML part')
    .option('--limit <n>', 'how many', '50');
  return examples(withOutput(command), [
    ['donations sandbox inbox', 'the newest mails'],
    ['donations sandbox inbox --open tKq --html > receipt.html', 'one of them, to look at in a browser'],
  ]).action(async (options: OutputOptions & { open?: string; html?: boolean; limit: string }) => {
    const sandbox = await openSandbox(context);
    if (options.open) return print(context.io, letter(await sandbox.mail(options.open), options.html));
    const mails = await sandbox.inbox({ limit: parseCount(options.limit) });
    render(context.io, options, COLUMNS, mails, { empty: 'The inbox is empty.' });
  });
}

function letter(mail: SandboxMail, html = false): string {
  const body = mail.content?.find(({ type }) => type === (html ? 'text/html' : 'text/plain'))?.value ?? '';
  if (html) return body;
  const to = mail.personalizations.flatMap((person) => person.to.map(({ email }) => email)).join(', ');
  return `From: ${mail.from.name ?? ''} <${mail.from.email}>\nTo: ${to}\nSubject: ${mail.subject ?? `template ${mail.template_id}`}\n\n${body}`;
}
