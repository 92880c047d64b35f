import type { Argument, Command } from 'commander';
import { MEANINGS } from '../../lib/config-sample.ts';
import { DEFAULTS, environmentName, SETTINGS } from '../../lib/config-schema.ts';
import type { Context } from '../context.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { GROUPS } from '../monitor/bindings/binding.ts';
import { KEYMAP } from '../monitor/keymap.ts';
import { Roff } from './roff.ts';

/** The manual page donations(1) in roff: from the commands, the settings, the exit codes and the keys. */
export function manual(program: Command, { io, clock, version }: Context): string {
  // https://reproducible-builds.org/docs/source-date-epoch/
  const epoch = io.env.SOURCE_DATE_EPOCH;
  const date = epoch === undefined ? clock.now() : new Date(Number(epoch) * 1000);
  const page = new Roff({
    name: 'donations',
    section: '1',
    date: date.toISOString().slice(0, 10),
    source: `donations ${version}`,
  });
  page.section('Name');
  page.paragraph(
    'donations - run, inspect and repair the background jobs of a fundraising platform',
  );
  page.section('Synopsis');
  page.paragraph('<command> [options]', 'donations');
  page.section('Description');
  page.paragraph(
    'A gift is charged (Stripe), its card is saved as a token (Stripe) and its receipt is e-mailed (SendGrid). donations runs these calls as jobs in PostgreSQL, and shows and repairs the jobs. Data goes to the standard output, messages go to the standard error. Without settings everything runs in a sandbox, without an account and without money.',
  );
  page.section('Commands');
  for (const command of leavesOf(program)) describe(page, command);
  page.section('Keys of the monitor');
  for (const group of GROUPS) {
    page.subsection(group);
    for (const { shown, about, views } of KEYMAP.filter((binding) => binding.group === group))
      page.term(shown, views ? `${about} (in: ${views.join(', ')})` : about);
  }
  page.section('Environment');
  page.paragraph(
    'Each of these is also a setting of donations.toml. Commands that only read need DATABASE_URL alone.',
  );
  for (const key of SETTINGS) {
    const value = DEFAULTS[key];
    const usual = value === undefined ? '' : ` By default ${JSON.stringify(value)}.`;
    page.term(environmentName(key), `${MEANINGS[key]}.${usual} In donations.toml: ${key}`);
  }
  page.section('Files');
  page.term(
    'donations.toml',
    'The settings: the file that DONATIONS_CONFIG names, else the one in the working directory, else the one in the data directory.',
  );
  page.section('Exit status');
  for (const { code, meaning } of EXIT_CODES) page.term(String(code), meaning);
  return page.toString();
}

/** The commands that do something, in the order of the help, with the nouns' own verbs. */
function leavesOf(command: Command): Command[] {
  const children = command.createHelp().visibleCommands(command);
  return children.length === 0 ? [command] : children.flatMap(leavesOf);
}

function describe(page: Roff, command: Command): void {
  const help = command.createHelp();
  page.subsection(help.commandUsage(command));
  page.paragraph(command.description());
  for (const argument of help.visibleArguments(command))
    page.term(help.argumentTerm(argument), withChoices(argument));
  for (const option of help.visibleOptions(command).filter(({ long }) => long !== '--help'))
    page.term(help.optionTerm(option), help.optionDescription(option));
  const [before = '', after = ''] = fullHelp(command).split(command.helpInformation());
  for (const text of [after, before]) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length > 0) page.verbatim(lines);
  }
}

const withChoices = ({ description, argChoices }: Argument): string =>
  argChoices ? `${description} (${argChoices.join(', ')})` : description;

/** The help with what commands add to it: examples before, terms of filters after. */
function fullHelp(command: Command): string {
  const written: string[] = [];
  const output = command.configureOutput();
  command.configureOutput({ ...output, writeOut: (text) => written.push(text) });
  command.outputHelp();
  command.configureOutput(output);
  return written.join('');
}
