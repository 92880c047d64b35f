import type { Command } from 'commander';
import { fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import { withOutput } from './output-options.ts';

/** How carefully many rows are changed. */
export interface BulkOptions extends OutputOptions {
  dryRun?: boolean;
  yes?: boolean;
  confirm?: string;
  limit?: string;
  reason?: string;
}

/** What is told of every plan, whatever it changes. */
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
const DONE_FIELDS = fieldsOf('operation', 'changed', 'planned', 'skipped', 'stopped', 'outcomes');

/**
 * Adds what every change of many rows takes.
 * @param many what is changed: `jobs`.
 * @param more what a plan of this kind tells besides.
 */
export function withBulk(command: Command, many: string, more: string[] = []): Command {
  return withOutput<BulkOptions>(
    command
      .option('--dry-run', 'say what would be done, and do nothing')
      .option('--yes', 'ask nothing')
      .option('--confirm <n>', `ask nothing, unless it would be more ${many} than this`)
      .option('--limit <n>', `at most so many ${many}, those enqueued first`)
      .option('--reason <text>', 'why, for the audit trail'),
    ({ dryRun }) => (dryRun ? fieldsOf(...PLAN_FIELDS, ...more) : DONE_FIELDS),
  );
}

/** The numbers among them. */
export const bulkLimits = ({ limit, confirm }: BulkOptions) => ({
  limit: limit === undefined ? Number.MAX_SAFE_INTEGER : parseCount(limit),
  confirmed: confirm === undefined ? undefined : parseCount(confirm, { max: 1e9 }),
});
