import { Command } from 'commander';
import { print, say } from '../../lib/output/io.ts';
import { chosenFormat, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { INCIDENT_COLUMNS } from './shared/columns.ts';

type Options = OutputOptions & { for?: string; reason?: string };

/** `donations alerts ack <id>`: a person takes on an incident. */
export function alertsAckCommand(context: Context): Command {
  const command = new Command('ack')
    .description('acknowledge an incident: no reminders of it, unless it gets worse')
    .addArgument(
      new CompletedArgument('<id>', 'the incident, or the beginning of its id', recent('incident')),
    )
    .option('--for <time>', 'how long: 30m, 2h; without it until the incident ends')
    .option('--reason <text>', 'what you do about it, for everybody who looks');
  return examples(withOutput(command, INCIDENT_COLUMNS), [
    ['donations alerts ack inc_01m3 --reason "asked SendGrid"', 'until it ends'],
    ['donations alerts ack inc_01m3 --for 2h', 'reminders begin again after two hours'],
  ]).action(async (id: string, options: Options) => {
    const forMs = options.for === undefined ? undefined : parseDuration(options.for);
    const { acknowledge } = await import('../../lib/alerts/incidents.ts');
    const db = await context.db();
    const operator = await context.operator();
    const incident = await acknowledge(db, { id, forMs, reason: options.reason, operator });
    const { io } = context;
    if (chosenFormat(options).format !== 'table')
      return renderOne(io, options, INCIDENT_COLUMNS, incident);
    const end = incident.acknowledgedUntil?.toISOString();
    print(io, `${incident.id} is acknowledged by ${operator.actor}${end ? ` until ${end}` : ''}.`);
    say(io, `Next: donations alerts show ${incident.id}`);
  });
}
