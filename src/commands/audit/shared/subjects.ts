import type { Command } from 'commander';
import type { Subjects } from '../../../lib/audit/about.ts';
import type { Queryable } from '../../../lib/db/database.ts';
import { usageError } from '../../../lib/errors.ts';
import { CompletedOption, recent } from '../../shared/completed.ts';

/** What entries are to be about, as a person says it. */
export interface About {
  donation?: string;
  receipt?: string;
  job?: string;
  donor?: string;
}

/** Adds the options for what entries are about. */
export const withAbout = (command: Command): Command =>
  command
    .addOption(
      new CompletedOption(
        '--donation <id>',
        'about this donation, its receipts and jobs',
        recent('donation'),
      ),
    )
    .addOption(
      new CompletedOption(
        '--receipt <id>',
        'about this receipt, by id or number',
        recent('receipt'),
      ),
    )
    .addOption(new CompletedOption('--job <id>', 'about this job', recent('job')))
    .addOption(
      new CompletedOption(
        '--donor <donor>',
        'about the gifts of this donor: name, e-mail address or id',
        recent('donor'),
      ),
    );

/**
 * What the options name; undefined when they name nothing.
 * @throws UserError `usage` when they name several things, `not_found`.
 */
export async function subjectsOf(
  tx: Queryable,
  { donation, receipt, job, donor }: About,
): Promise<Subjects | undefined> {
  const named = [donation, receipt, job, donor].filter((ref) => ref !== undefined);
  if (named.length === 0) return undefined;
  if (named.length > 1)
    throw usageError(
      '--donation, --receipt, --job and --donor are one choice',
      'Give one of them.',
    );
  const { aboutDonations, aboutDonor, aboutReceipt } = await import('../../../lib/audit/about.ts');
  if (donation !== undefined) {
    const { findDonation } = await import('../../../lib/donations/find-donation.ts');
    return aboutDonations(tx, [await findDonation(tx, donation)]);
  }
  if (receipt !== undefined) {
    const { findReceipt } = await import('../../../lib/receipts/find-receipt.ts');
    return aboutReceipt(tx, (await findReceipt(tx, receipt)).id);
  }
  if (donor !== undefined) {
    const { findDonor } = await import('../../../lib/donors/find-donor.ts');
    return aboutDonor(tx, await findDonor(tx, donor, 'donations audit --donor'));
  }
  if (!/^\d{1,18}$/.test(job ?? '')) throw usageError(`"${job}" is not a job's id`);
  return { ids: [], jobs: [job as string] };
}
