import { Argument, Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import { print, say } from '../../lib/output/io.ts';
import { toJson } from '../../lib/output/render.ts';
import { parseDuration, parseRate, parseShare } from '../../lib/parse.ts';
import type { Faults, Provider } from '../../lib/providers/doubles/faults.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { openSandbox } from './open-sandbox.ts';

// Each option, what it takes, and what it means.
const SHARES: [option: string, fault: keyof Faults, what: string][] = [
  ['--timeouts', 'timeouts', 'done, but never answered'],
  ['--hangs', 'hangs', 'neither done nor answered'],
  ['--reset-after-processing', 'resetAfterProcessing', 'done, then the connection is cut'],
  ['--reset-before-processing', 'resetBeforeProcessing', 'the connection is cut, nothing done'],
  ['--errors', 'errors', '500, nothing done'],
  ['--errors-after-processing', 'errorsAfterProcessing', 'done, but answered with 500'],
  ['--truncated', 'truncated', 'done, answered with half a body'],
  ['--html', 'html', 'an HTML error page in place of JSON'],
  ['--drip', 'drip', 'done, answered a byte at a time'],
  ['--conflicts', 'conflicts', '409, as if the same key were in use'],
];

/** `donations sandbox fault`: makes a double misbehave. */
export function sandboxFaultCommand(context: Context): Command {
  const command = new Command('fault')
    .description('make a double misbehave; the options replace what was set before')
    .addArgument(new Argument('<provider>').choices(['stripe', 'sendgrid']))
    .option('--clear', 'behave again');
  for (const [option, , what] of SHARES) command.option(`${option} <share>`, `${what}, such as 20%`);
  command
    .option('--latency <time>', 'answer after this long, such as 200ms or 50ms-400ms')
    .option('--down <time>', 'cut every connection for this long, such as 60s')
    .option('--unavailable <time>', 'answer 503 for this long')
    .option('--rate-limit <rate>', 'answer 429 beyond this rate, such as 10/s')
    .option('--unauthorized', 'refuse the key (401)')
    .option('--forbidden', 'refuse the account (403)');
  return examples(command, [
    ['donations sandbox fault sendgrid --timeouts 20%', 'a fifth of the mails are sent but not acknowledged'],
    ['donations sandbox fault sendgrid --down 60s', 'an outage of a minute'],
    ['donations sandbox fault sendgrid --clear', 'all well again'],
  ]).action(async (provider: Provider, options: Record<string, string | true>) => {
    const faults = options.clear ? {} : readFaults(options, context.clock.now());
    const sandbox = await openSandbox(context);
    await sandbox.setFaults(provider, faults);
    say(context.io, options.clear ? `${provider} behaves.` : `${provider} misbehaves:`);
    if (!options.clear) print(context.io, toJson(faults));
  });
}

function readFaults(options: Record<string, string | true>, now: Date): Faults {
  const faults: Faults = {};
  for (const [, fault] of SHARES) {
    const share = options[fault];
    if (typeof share === 'string') Object.assign(faults, { [fault]: parseShare(share) });
  }
  const until = (time: string | true | undefined) => now.getTime() + parseDuration(String(time));
  if (options.latency) {
    const [from = '', to = from] = String(options.latency).split('-');
    faults.latencyMs = [parseDuration(from), parseDuration(to)];
  }
  if (options.down) faults.downUntil = until(options.down);
  if (options.unavailable) faults.unavailableUntil = until(options.unavailable);
  if (options.rateLimit) faults.rateLimit = parseRate(String(options.rateLimit));
  if (options.unauthorized) faults.unauthorized = true;
  if (options.forbidden) faults.forbidden = true;
  if (Object.keys(faults).length === 0) throw usageError('no fault given', 'See: donations sandbox fault --help');
  const total = SHARES.reduce((sum, [, fault]) => sum + ((faults[fault] as number | undefined) ?? 0), 0);
  if (total > 1) throw usageError('the shares add up to more than 100%');
  return faults;
}
