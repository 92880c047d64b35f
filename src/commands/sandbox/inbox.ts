import { Command } from 'commander';
import { notFound, usageError } from '../../lib/errors.ts';
import { plain, print, printData } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  render,
  renderOne,
} from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { InboxMail } from '../../lib/sandbox/inbox.ts';
import type { Mail } from '../../lib/sandbox/sendgrid-validation.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { sayMore } from '../shared/paging.ts';
import { openSandbox } from './shared/open-sandbox.ts';

const COLUMNS: Column<InboxMail>[] = [
  { name: 'mail', header: 'MAIL', value: (mail) => mail.id, whole: true },
  { name: 'recipient', header: 'TO', value: (mail) => mail.to },
  { name: 'subject', header: 'SUBJECT', value: (mail) => mail.subject },
  { name: 'receipt', header: 'RECEIPT', value: (mail) => mail.receipt_id, isId: true },
  { name: 'outcome', header: 'OUTCOME', value: (mail) => mail.outcome },
  { name: 'accepted_at', header: 'ACCEPTED', value: (mail) => new Date(mail.accepted_at) },
  { name: 'donation', header: 'DONATION', value: (mail) => mail.donation_id, wide: true },
  { name: 'delivery', header: 'DELIVERY', value: (mail) => mail.delivery_id, wide: true },
];

/** The fields of one mail. */
const LETTER: Column<InboxMail & { message: Mail }>[] = [
  ...COLUMNS,
  { name: 'letter', header: 'MESSAGE', value: (mail) => mail.message },
];

interface Options extends OutputOptions {
  open?: string;
  html?: true;
  limit: string;
}

/** `donations sandbox inbox`: the mails that the SendGrid double accepted. */
export function sandboxInboxCommand(context: Context): Command {
  const command = new Command('inbox')
    .description('List the mails that the SendGrid double accepted, newest first, or read one.')
    .option('--open <id>', 'read one mail: its headers and text')
    .option('--html', 'with --open: print its HTML, for a browser')
    .option('--limit <n>', 'how many to list', '50')
    .action(async (options: Options) => {
      if (options.html && !options.open) throw usageError('--html goes with --open <id>');
      const limit = parseCount(options.limit);
      const sandbox = await openSandbox(context);
      if (!options.open) {
        const mails = await sandbox.inbox({ limit: limit + 1 });
        render(context.io, options, COLUMNS, mails.slice(0, limit), {
          empty: 'The inbox is empty.',
        });
        if (mails.length > limit) sayMore(context.io, limit);
        return;
      }
      const { mail, message } = await sandbox.message(options.open);
      if (!message)
        throw notFound(
          `mail ${mail.id} has no body any more`,
          'Only the bodies of the newest mails are stored.',
        );
      if (chosenFormat(options).format !== 'table') {
        return renderOne(context.io, options, LETTER, { ...mail, message });
      }
      if (options.html) return printData(context.io, part(message, 'text/html'));
      return print(context.io, letter(mail, message));
    });
  return examples(
    withOutput<Options>(command, ({ open }) => (open ? LETTER : COLUMNS)),
    [
      ['donations sandbox inbox', 'the newest mails'],
      [
        'donations sandbox inbox --open Xy3 --html > receipt.html',
        'one of them, by a prefix of its id',
      ],
    ],
  );
}

function letter(mail: InboxMail, message: Mail): string {
  const { from, custom_args = {}, template_id } = message;
  const headers = [
    ['From', from.name ? `${from.name} <${from.email}>` : from.email],
    ['To', mail.to],
    ['Date', mail.accepted_at],
    ['Subject', mail.subject || `(of the template ${template_id})`],
    ['X-Message-Id', mail.id],
    ...Object.entries(custom_args),
  ];
  return `${headers.map(([name, value]) => `${name}: ${plain(String(value))}`).join('\n')}\n\n${part(message, 'text/plain')}`;
}

const part = (message: Mail, type: string) =>
  message.content?.find((content) => content.type === type)?.value ?? `(no ${type} part)`;
