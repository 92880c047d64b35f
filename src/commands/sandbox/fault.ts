import { Command, Option } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions, toJson } from '../../lib/output/render.ts';
import { FAULT_KINDS, PROVIDERS, type Provider } from '../../lib/sandbox/faults.ts';
import type { Context } from '../context.ts';
import { CompletedArgument } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { writeDone } from '../shared/write-result.ts';
import { type FaultOptions, faultRules, kebab, OUTAGES, SHARES } from './shared/fault-options.ts';
import { openSandbox } from './shared/open-sandbox.ts';

const FIELDS = fieldsOf('provider', 'faults', 'released');

/** `donations sandbox fault`: sets or removes the faults of a double. */
export function sandboxFaultCommand(context: Context): Command {
  const command = new Command('fault')
    .description('Make a double fail. New faults replace the present ones, unless --add is given.')
    .addArgument(new CompletedArgument('[provider]', PROVIDERS.join(' or '), PROVIDERS))
    .option('--clear', 'remove the faults of the provider, or of both')
    .option('--add', 'keep the present faults');
  for (const kind of SHARES) {
    command.addOption(new Option(`--${kebab(kind)} <share>`, `${FAULT_KINDS[kind]}; such as 20%`));
  }
  for (const kind of OUTAGES) {
    command.addOption(
      new Option(`--${kebab(kind)} [time]`, `${FAULT_KINDS[kind]}; such as 60s, or until cleared`),
    );
  }
  command
    .option('--rate-limit <rate>', '429 beyond this, such as 10/s')
    .option('--latency <time>', 'answer after 200ms, or 100ms-2s')
    .option(
      '--late-by <time>',
      'when late requests take effect, such as 2s; by default after --release',
    )
    .option('--release', 'let late requests take effect now; the faults stay')
    .option(
      '--path <pattern>',
      'only where this regular expression matches "METHOD path" or the path',
    )
    .option('--count <n>', 'only the next n requests')
    .option('--for <time>', 'only for this long')
    .option('--seed <n>', 'a seed for reproducible faults')
    .action(
      async (
        provider: string | undefined,
        options: OutputOptions & FaultOptions & { clear?: true; add?: true; release?: true },
      ) => {
        const { io } = context;
        if (provider !== undefined && !PROVIDERS.includes(provider as Provider)) {
          throw usageError(
            `there is no provider "${provider}"`,
            `Providers: ${PROVIDERS.join(', ')}`,
          );
        }
        refuseMore(options);
        if (options.release) {
          const { released } = await (await openSandbox(context)).releaseHeld();
          const none = { provider: provider ?? null, faults: null };
          return writeDone(io, options, FIELDS, { ...none, released }, () =>
            say(
              io,
              released === 1
                ? '1 late request has taken effect.'
                : `${released} late requests have taken effect.`,
            ),
          );
        }
        if (options.clear) {
          await (await openSandbox(context)).clearFaults(provider as Provider | undefined);
          const cleared = { provider: provider ?? null, faults: [], released: null };
          return writeDone(io, options, FIELDS, cleared, () =>
            say(io, `${provider ?? 'Both providers'} will work normally.`),
          );
        }
        if (!provider)
          throw usageError('no provider is given', 'Name the provider: stripe or sendgrid.');
        const rules = faultRules(options);
        const sandbox = await openSandbox(context);
        const before = options.add ? (await sandbox.faults())[provider as Provider] : [];
        const asGiven = before.map(({ untilMs, ...rule }) =>
          untilMs === undefined
            ? rule
            : { ...rule, forMs: Math.max(1, untilMs - context.clock.now().getTime()) },
        );
        const now = await sandbox.setFaults(provider as Provider, [...asGiven, ...rules]);
        const faults = now[provider as Provider];
        writeDone(io, options, FIELDS, { provider, faults, released: null }, () => {
          print(io, toJson(faults));
          say(
            io,
            `${provider} has faults now. Remove them: donations sandbox fault ${provider} --clear`,
          );
        });
      },
    );
  return examples(withOutput(command, FIELDS), [
    [
      'donations sandbox fault sendgrid --timeouts 20% --latency 100ms-2s',
      'a fifth of the mails get no answer',
    ],
    ['donations sandbox fault stripe --unavailable 60s', 'an outage of a minute'],
    [
      "donations sandbox fault stripe --late 100% --path 'POST .*/confirm$' --count 1",
      'the next confirmation is not answered, and charges the card only after --release',
    ],
    ['donations sandbox fault --release', 'charge the card now'],
    ['donations sandbox fault --clear', 'remove all faults'],
  ]);
}

/** `--clear` and `--release` are whole commands: what else is given would be ignored. */
function refuseMore({ output: _, json: __, ...asked }: OutputOptions): void {
  for (const whole of ['clear', 'release'])
    if (whole in asked && Object.keys(asked).length > 1)
      throw usageError(
        `--${whole} stands alone`,
        `Give the faults in a command of their own, without --${whole}.`,
      );
}
