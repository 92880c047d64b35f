import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { type Column, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { WebhookSettings } from '../../lib/sandbox/webhooks.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { openSandbox } from './shared/open-sandbox.ts';

const COLUMNS: Column<WebhookSettings>[] = [
  { name: 'stripe_webhook_url', header: 'STRIPE URL', value: (row) => row.stripeUrl },
  { name: 'stripe_webhook_secret', header: 'STRIPE SECRET', value: (row) => row.stripeSecret },
  { name: 'sendgrid_webhook_url', header: 'SENDGRID URL', value: (row) => row.sendgridUrl },
  {
    name: 'sendgrid_webhook_public_key',
    header: 'SENDGRID PUBLIC KEY',
    value: (row) => row.sendgridPublicKey,
  },
];

/** `donations sandbox webhooks`: where the doubles send events, and the keys that verify them. */
export function sandboxWebhooksCommand(context: Context): Command {
  const command = new Command('webhooks')
    .description('Show or set where the doubles send their signed events.')
    .option('--stripe-url <url>', 'where payment events go; "none" for nowhere')
    .option('--sendgrid-url <url>', 'where mail events go; "none" for nowhere')
    .action(async (options: OutputOptions & { stripeUrl?: string; sendgridUrl?: string }) => {
      const urls = {
        ...(options.stripeUrl === undefined ? {} : { stripeUrl: readUrl(options.stripeUrl) }),
        ...(options.sendgridUrl === undefined ? {} : { sendgridUrl: readUrl(options.sendgridUrl) }),
      };
      const sandbox = await openSandbox(context);
      const settings =
        Object.keys(urls).length > 0 ? await sandbox.setWebhooks(urls) : await sandbox.webhooks();
      renderOne(context.io, options, COLUMNS, settings);
    });
  return examples(withOutput(command, COLUMNS), [
    [
      'donations sandbox webhooks --sendgrid-url http://localhost:8080/sendgrid',
      'mail events go there',
    ],
    [
      'donations sandbox webhooks --json=stripe_webhook_secret',
      'the secret that verifies payment events',
    ],
  ]);
}

function readUrl(text: string): string | null {
  if (text === 'none') return null;
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw usageError(`"${text}" is not an http or https URL`);
}
