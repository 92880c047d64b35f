import { Command } from 'commander';
import type { SandboxStats } from '../../lib/providers/doubles/admin.ts';
import type { SandboxStatus } from '../../lib/providers/doubles/daemon.ts';
import { type Column, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { withOutput } from '../output-options.ts';

type Row = SandboxStatus & Partial<SandboxStats>;

const COLUMNS: Column<Row>[] = [
  { name: 'running', header: 'RUNNING', value: (row) => row.running, text: (row) => (row.running ? 'yes' : 'no') },
  { name: 'url', header: 'URL', value: (row) => row.url },
  { name: 'pid', header: 'PID', value: (row) => row.pid },
  { name: 'payment_intents', header: 'PAYMENTS', value: (row) => row.payment_intents },
  { name: 'succeeded', header: 'SUCCEEDED', value: (row) => row.succeeded },
  { name: 'customers', header: 'CUSTOMERS', value: (row) => row.customers },
  { name: 'mails', header: 'MAILS', value: (row) => row.mails },
  { name: 'faults', header: 'FAULTS', value: (row) => row.faults },
];

/** `donations sandbox status`: where it runs, what it holds, which faults are on. */
export function sandboxStatusCommand(context: Context): Command {
  const command = new Command('status').description('where the doubles run, what they hold, which faults are on');
  return examples(withOutput(command), [
    ['donations sandbox status', 'for people'],
    ['donations sandbox status --json=running,mails', 'for a script'],
  ]).action(async (options: OutputOptions) => {
    const { sandboxStatus } = await import('../../lib/providers/doubles/daemon.ts');
    const { SandboxClient } = await import('../../lib/providers/doubles/client.ts');
    const status = await sandboxStatus({ dataDir: (await context.config()).dataDir });
    const stats = status.url ? await new SandboxClient(status.url).stats() : {};
    renderOne(context.io, options, COLUMNS, { ...status, ...stats });
  });
}
