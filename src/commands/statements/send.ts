import { Command } from 'commander';
import type { Context } from '../context.ts';
import { type BulkOptions, withBulk } from '../shared/bulk-options.ts';
import { CompletedOption, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { readYear, type ScopeOptions, scopeOf } from './shared/scope.ts';

/** `donations statements send`: one e-mail a donor with all gifts of a year. */
export function statementsSendCommand(context: Context): Command {
  const command = withBulk(
    new Command('send')
      .description('issue and send the statements of a year, one to each donor')
      .requiredOption('--year <year>', 'the year of the gifts')
      .addOption(
        new CompletedOption(
          '--donor <donor>',
          'to this donor: a part of the name, an address, or an id',
          recent('donor'),
        ),
      )
      .option('--paper', 'issue those of donors who cannot be mailed, to be printed'),
    'statements',
    ['donor_count', 'gift_count'],
  );
  return examples(command, [
    ['donations statements send --year 2026 --dry-run', 'how many, and who gets none and why'],
    ['donations statements send --year 2026 --donor ada@example.org', 'to one donor'],
    ['donations statements send --year 2026 --paper', 'then: donations receipts print --pending'],
  ]).action(async (options: BulkOptions & ScopeOptions & { paper?: boolean }) => {
    readYear(options.year);
    const { sendStatements } = await import('../../lib/receipts/statements.ts');
    const scope = await scopeOf(await context.db(), options, 'donations statements send');
    await runBulk(context, sendStatements(scope, options.paper ? 'paper' : 'email'), options);
  });
}
