import { Command } from 'commander';
import { chosenFormat, type OutputOptions, renderOne } from '../lib/output/render.ts';
import { localZone } from '../lib/output/time.ts';
import type { Context } from './context.ts';
import { CompletedArgument, recent } from './shared/completed.ts';
import { openDashboard, withOpen } from './shared/dashboard.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';
import { STORY_FIELDS } from './show/shared/story-fields.ts';
import { tellStory } from './show/shared/tell-story.ts';

/** `donations show <ref>`: one donation's whole story. */
export function showCommand(context: Context): Command {
  const command = withOpen(new Command('show'))
    .description('one donation as a timeline: charge, token, receipt, jobs, decisions')
    .addArgument(
      new CompletedArgument(
        '<ref>',
        'donation (or the beginning of its id), receipt, receipt number, pi_…, job id, or a donor: e-mail address or name',
        recent('donation', 'receipt', 'delivery', 'payment', 'job', 'donor'),
      ),
    )
    .option('--local', 'times of the terminal’s zone, not the organisation’s');
  return examples(withOutput(command, STORY_FIELDS), [
    ['donations show don_01jd2x', 'by the beginning of its id'],
    ['donations show 2026-42 --json', 'by a receipt number, for a script'],
    ['donations show ada@example.org', 'by its donor'],
    ['donations show don_01jd2x --open', 'its payment in the dashboard of Stripe'],
  ]).action(async (ref: string, options: OutputOptions & { local?: boolean; open?: boolean }) => {
    const [{ findDonation }, story, { findOrganization }] = await Promise.all([
      import('../lib/donations/find-donation.ts'),
      import('../lib/donations/story.ts'),
      import('../lib/organizations/organization.ts'),
    ]);
    if (options.open) {
      const { paymentPage } = await import('./shared/provider-pages.ts');
      return openDashboard(context, async (tx) => paymentPage(tx, await findDonation(tx, ref)));
    }
    const { told, organization } = await context.read(async (tx) => ({
      told: await story.tellStory(tx, await findDonation(tx, ref)),
      organization: await findOrganization(tx),
    }));
    if (chosenFormat(options).format !== 'table')
      return renderOne(context.io, options, STORY_FIELDS, told);
    const zone = options.local ? localZone() : (organization?.timeZone ?? 'UTC');
    tellStory(context.io, told, { now: context.clock.now(), zone });
  });
}
