import { type Command, Option } from 'commander';
import type { Queryable } from '../../lib/db/database.ts';
import { notFound, UserError } from '../../lib/errors.ts';
import type { ProviderPage } from '../../lib/providers/dashboards.ts';
import type { Context } from '../context.ts';
import { openOrPrint } from './open-page.ts';

/** Adds `--open` to a command that shows one thing. */
export const withOpen = (command: Command): Command =>
  command.addOption(
    new Option(
      '--open',
      'open its page in the dashboard of Stripe or SendGrid; off a terminal, print the address',
    ).conflicts(['json', 'output']),
  );

/**
 * Opens the page in the provider's dashboard of what a command shows.
 *
 * @param find its page; undefined if the providers know nothing of it.
 * @throws UserError `not_found` without a page, `failed` in the sandbox, which has no dashboard.
 */
export async function openDashboard(
  context: Context,
  find: (tx: Queryable) => Promise<ProviderPage | undefined>,
): Promise<void> {
  const [{ dashboardUrl }, { readMode }] = await Promise.all([
    import('../../lib/providers/dashboards.ts'),
    import('../../lib/db/prepare.ts'),
  ]);
  const { page, mode } = await context.read(async (tx) => ({
    page: await find(tx),
    mode: await readMode(tx),
  }));
  if (!page) throw notFound('neither Stripe nor SendGrid has a page of it');
  if (mode === undefined || mode === 'sandbox')
    throw new UserError('failed', 'the sandbox has no dashboard', sandboxHint(page));
  await openOrPrint(context.io, dashboardUrl(page, mode));
}

function sandboxHint(page: ProviderPage): string | undefined {
  if (page.of !== 'mail') return undefined;
  return page.messageId
    ? `See the mail: donations sandbox inbox --open ${page.messageId}`
    : 'See its mails: donations sandbox inbox';
}
