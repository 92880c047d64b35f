import { Command } from 'commander';
import { say } from '../../lib/output/io.ts';
import { chosenFormat, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { COLUMNS } from './show.ts';

/** `donations organization update`: makes the settings the facts of future receipts. */
export function organizationUpdateCommand(context: Context): Command {
  const command = new Command('update')
    .description('use the organisation in the settings for receipts issued from now on')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, COLUMNS), [
    ['donations organization update', 'after donations.toml was changed'],
    ['donations organization update --reason "moved to Quay Street"', 'with a reason'],
  ]).action(async (options: OutputOptions & { reason?: string }) => {
    const [{ updateOrganization }, { recordAudit }] = await Promise.all([
      import('../../lib/organizations/organization.ts'),
      import('../../lib/audit/record.ts'),
    ]);
    const [db, config, operator] = await Promise.all([
      context.db(),
      context.config(),
      context.operator(),
    ]);
    const { organization, changed } = await db.transaction(async (tx) => {
      const updated = await updateOrganization(tx, config);
      if (updated.changed.length > 0) {
        const { id, version } = updated.organization;
        await recordAudit(tx, {
          ...operator,
          action: 'organization.update',
          subject: id,
          reason: options.reason,
          detail: { version, changed: updated.changed },
        });
      }
      return updated;
    });
    renderOne(context.io, options, COLUMNS, organization);
    if (chosenFormat(options).format !== 'table') return;
    say(
      context.io,
      changed.length > 0
        ? `Receipts issued from now on have the new ${changed.join(', ')}. Earlier receipts stay as they are.`
        : 'The settings equal the stored facts: nothing was changed.',
    );
  });
}
