import { Command } from 'commander';
import { UserError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import { type Column, chosenFormat, type OutputOptions, render } from '../../lib/output/render.ts';
import { plural } from '../../lib/output/text.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

interface Row {
  route: string;
  alerts: number;
  failure: string | undefined;
}

const COLUMNS: Column<Row>[] = [
  { name: 'route', header: 'ROUTE', value: (row) => row.route },
  { name: 'alert_count', header: 'ALERTS', value: (row) => row.alerts, align: 'right' },
  { name: 'error', header: 'FAILURE', value: (row) => row.failure },
];

/** `donations alerts check`: does once what workers do: evaluates the rules and delivers due alerts. */
export function alertsCheckCommand(context: Context): Command {
  const command = new Command('check').description(
    'evaluate the rules once and deliver due alerts, as workers do; run it by cron, because dead workers send no alerts',
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations alerts check', 'each minute by cron, on a machine without workers'],
    ['donations alerts check --json', 'what was delivered, for a script'],
  ]).action(async (options: OutputOptions) => {
    const [{ evaluate }, { deliverDue }, { watchOptions }] = await Promise.all([
      import('../../lib/alerts/evaluate.ts'),
      import('../../lib/alerts/deliver.ts'),
      import('../../lib/alerts/watch.ts'),
    ]);
    const { io, mail } = context;
    const log = await context.log();
    const watch = watchOptions(await context.config(), { log, mail, env: io.env });
    const db = await context.db();
    await evaluate(db, watch);
    const delivered = await deliverDue(db, watch);
    if (chosenFormat(options).format !== 'table') render(io, options, COLUMNS, delivered);
    else if (delivered.length === 0) say(io, 'No alert is due.');
    for (const { route, alerts, failure } of delivered) {
      if (failure === undefined && chosenFormat(options).format === 'table')
        print(io, `${route}: ${plural(alerts, 'alert')}`);
    }
    const failed = delivered.filter(({ failure }) => failure !== undefined);
    if (failed.length > 0) {
      throw new UserError(
        'failed',
        failed.map(({ route, failure }) => `route ${route}: ${failure}`).join('; '),
        'They are tried again, or by the route that stands in, with the next check.',
      );
    }
  });
}
