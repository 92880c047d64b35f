import { Command } from 'commander';
import type { Context } from './context.ts';
import { examples } from './shared/examples.ts';

/** `donations __manual`: the manual page. */
export function manualCommand(context: Context, wholeProgram: () => Promise<Command>): Command {
  const command = new Command('__manual')
    .description('print the manual page donations(1), in roff')
    .action(async () => {
      const { manual } = await import('./manual/page.ts');
      context.io.stdout.write(manual(await wholeProgram(), context));
    });
  return examples(command, [
    ['donations __manual > donations.1', 'as the build does'],
    ['man donations', 'to read it after an installation with npm -g'],
  ]);
}
