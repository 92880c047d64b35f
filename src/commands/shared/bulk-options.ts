import type { Command } from 'commander';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import { withOutput } from './output-options.ts';

/** The options of bulk changes. */
export interface BulkOptions extends OutputOptions {
  dryRun?: boolean;
  yes?: boolean;
  confirm?: string;
  limit?: string;
  reason?: string;
}

/** The fields of every plan. */
const PLAN_FIELDS = [
  'action',
  'filter',
  'count',
  'eligible',
  'skipped',
  'effects',
  'examples',
  'at',
];
const DONE_FIELDS = fieldsOf('audit', 'changed', 'planned', 'skipped', 'stopped', 'outcomes');

/**
 * Adds the options of every bulk change.
 * @param many the plural of what is changed: `jobs`.
 * @param more additional fields of this kind of plan.
 */
export function withBulk(command: Command, many: string, more: string[] = []): Command {
  return withOutput<BulkOptions>(
    command
      .option('--dry-run', 'show what would be done, and do nothing')
      .option('--yes', 'do not ask')
      .option(
        '--confirm <n>',
        `do not ask, but fail if more than this many ${many} would be changed`,
      )
      .option('--limit <n>', `at most this many ${many}, those enqueued first`)
      .option('--reason <text>', 'why, for the audit trail'),
    ({ dryRun }) => (dryRun ? fieldsOf(...PLAN_FIELDS, ...more) : DONE_FIELDS),
  );
}

/** The numbers in the options. */
export const bulkLimits = ({ limit, confirm }: BulkOptions) => ({
  limit: limit === undefined ? Number.MAX_SAFE_INTEGER : parseCount(limit),
  confirmed: confirm === undefined ? undefined : parseCount(confirm, { max: 1e9 }),
});
