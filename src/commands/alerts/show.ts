import { Command } from 'commander';
import type { IncidentStory } from '../../lib/alerts/incidents.ts';
import { plain, print } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  renderOne,
} from '../../lib/output/render.ts';
import { formatDuration } from '../../lib/output/time.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { INCIDENT_COLUMNS } from './shared/columns.ts';
import { alertInWords, eventInWords } from './shared/story-words.ts';

const FIELDS: Column<IncidentStory>[] = [
  ...INCIDENT_COLUMNS.map(
    ({ name, header, value }): Column<IncidentStory> => ({
      name,
      header,
      value: ({ incident }) => value(incident),
    }),
  ),
  { name: 'events', header: 'EVENTS', value: ({ events }) => events },
  {
    name: 'alerts',
    header: 'ALERTS',
    value: ({ alerts }) =>
      alerts.map(({ dueAt, sentAt, ...rest }) => ({ ...rest, due_at: dueAt, sent_at: sentAt })),
  },
];

/** `donations alerts show <id>`: an incident from its beginning, and the alerts that were sent. */
export function alertsShowCommand(context: Context): Command {
  const command = new Command('show')
    .description('an incident: what, since when, whom it affects, which alerts were sent')
    .addArgument(
      new CompletedArgument('<id>', 'the incident, or the beginning of its id', recent('incident')),
    );
  return examples(withOutput(command, FIELDS), [
    ['donations alerts show inc_01m3', 'any unambiguous beginning of the id'],
    ['donations alerts show inc_01m3 --json=what,events,alerts', 'for a script'],
  ]).action(async (id: string, options: OutputOptions) => {
    const { showIncident } = await import('../../lib/alerts/incidents.ts');
    const story = await context.read((tx) => showIncident(tx, id));
    const { io } = context;
    if (chosenFormat(options).format !== 'table') return renderOne(io, options, FIELDS, story);
    const { incident, events, alerts } = story;
    renderOne(
      io,
      {},
      INCIDENT_COLUMNS.filter(({ name }) => name !== 'value' && name !== 'subject'),
      incident,
      context.clock.now(),
    );
    for (const event of events)
      print(io, plain(`${event.at.toISOString()}  ${eventInWords(event)}`));
    for (const alert of alerts) print(io, plain(alertInWords(alert, (at) => at.toISOString())));
    if (!incident.closedAt) {
      print(
        io,
        `Open for ${formatDuration(incident.lastedMs)}. Take it on: donations alerts ack ${incident.id}`,
      );
    }
  });
}
