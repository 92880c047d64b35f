import { Command } from 'commander';
import { UserError, usageError } from '../../lib/errors.ts';
import { print } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

const FIELDS = fieldsOf('route', 'via', 'duration_ms');

/** `donations alerts test <route>`: sends a message that says that it is a test. */
export function alertsTestCommand(context: Context): Command {
  const command = new Command('test')
    .description('send a message by a route, to see that it arrives')
    .addArgument(new CompletedArgument('<route>', 'its name in the settings', recent('route')));
  return examples(withOutput(command, FIELDS), [
    ['donations alerts test log', 'the route that is there without any settings'],
    ['donations alerts test log --json', 'for a script'],
  ]).action(async (name: string, options: OutputOptions) => {
    const config = await context.config();
    const { routes } = config.alerts;
    const route = routes.find((each) => each.name === name);
    if (!route) {
      const names = routes.map((each) => each.name).join(', ');
      throw usageError(`there is no route "${name}"`, `Routes: ${names || 'none'}`);
    }
    const [{ sendBy }, { testMessage }, { reasonOf }, { newId }] = await Promise.all([
      import('../../lib/alerts/send.ts'),
      import('../../lib/alerts/message.ts'),
      import('../../lib/alerts/routes/failure.ts'),
      import('../../lib/ids.ts'),
    ]);
    const wording = { audience: route.audience, mode: config.mode, locale: 'en-US' };
    const message = testMessage(newId('alert'), context.clock.now(), wording);
    const log = await context.log();
    const { mail, io } = context;
    const begun = performance.now();
    try {
      await sendBy(route, message, { log, mail, env: io.env, from: config.receipts.from });
    } catch (error) {
      throw new UserError(
        'failed',
        `route ${name} did not take the test: ${reasonOf(error)}`,
        'Check its settings: donations config show',
      );
    }
    const durationMs = Math.round(performance.now() - begun);
    if (chosenFormat(options).format === 'table')
      print(io, `Route ${name} (${route.via}) took it.`);
    else renderOne(io, options, FIELDS, { route: name, via: route.via, duration_ms: durationMs });
  });
}
