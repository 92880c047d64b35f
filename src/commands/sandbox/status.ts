import { Command } from 'commander';
import { type Column, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { SandboxStats } from '../../lib/sandbox/admin.ts';
import type { SandboxStatus } from '../../lib/sandbox/daemon.ts';
import type { ActiveRule, Provider } from '../../lib/sandbox/faults.ts';
import type { WebhookSettings } from '../../lib/sandbox/webhooks.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

type Row = Pick<SandboxStatus, 'running' | 'pid'> &
  Partial<SandboxStats> & {
    url?: string;
    faults?: Record<Provider, ActiveRule[]>;
    webhooks?: WebhookSettings;
  };

const COLUMNS: Column<Row>[] = [
  {
    name: 'status',
    header: 'STATUS',
    value: (row) => (row.running ? 'running' : 'stopped'),
  },
  { name: 'url', header: 'URL', value: (row) => row.url },
  { name: 'pid', header: 'PID', value: (row) => row.pid },
  { name: 'payment_count', header: 'PAYMENTS', value: (row) => row.payment_intents },
  { name: 'succeeded', header: 'SUCCEEDED', value: (row) => row.succeeded },
  { name: 'customer_count', header: 'CUSTOMERS', value: (row) => row.customers },
  { name: 'mail_count', header: 'MAILS', value: (row) => row.mails },
  {
    name: 'stripe_faults',
    header: 'STRIPE FAULTS',
    value: (row) => row.faults?.stripe,
    text: (row) => describe(row.faults?.stripe),
  },
  {
    name: 'sendgrid_faults',
    header: 'SENDGRID FAULTS',
    value: (row) => row.faults?.sendgrid,
    text: (row) => describe(row.faults?.sendgrid),
  },
  { name: 'stripe_webhook_url', header: 'STRIPE WEBHOOK', value: (row) => row.webhooks?.stripeUrl },
  {
    name: 'sendgrid_webhook_url',
    header: 'SENDGRID WEBHOOK',
    value: (row) => row.webhooks?.sendgridUrl,
  },
  { name: 'held', header: 'HELD REQUESTS', value: (row) => row.held },
  { name: 'webhooks_pending', header: 'EVENTS WAITING', value: (row) => row.webhooks_pending },
];

const describe = (rules: ActiveRule[] = []) =>
  rules.length === 0 ? 'none' : rules.map((rule) => JSON.stringify(rule)).join(' ');

/** `donations sandbox status`: where the doubles run, their contents, and their faults. */
export function sandboxStatusCommand(context: Context): Command {
  const command = new Command('status')
    .description('Show where the doubles run, their contents, and their faults.')
    .action(async (options: OutputOptions) => {
      const { sandboxStatus } = await import('../../lib/sandbox/daemon.ts');
      const { SandboxClient } = await import('../../lib/sandbox/client.ts');
      const { at, ...rest } = await sandboxStatus({
        dataDir: (await context.config()).dataDir,
      });
      const status: Row = rest;
      if (at) {
        const sandbox = new SandboxClient(at);
        const [stats, faults, webhooks] = await Promise.all([
          sandbox.stats(),
          sandbox.faults(),
          sandbox.webhooks(),
        ]);
        Object.assign(status, stats, { url: at.url, faults, webhooks });
      }
      renderOne(context.io, options, COLUMNS, status);
    });
  return examples(withOutput(command, COLUMNS), [
    ['donations sandbox status', 'for people'],
    ['donations sandbox status --json=status,mail_count', 'for a script'],
  ]);
}
