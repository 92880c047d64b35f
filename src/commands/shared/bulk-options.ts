import type { Command } from 'commander';
import type { OutputOptions } from '../../lib/output/render.ts';
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

/** Adds what every change of many rows takes. */
export function withBulk(command: Command, many: string): Command {
  return withOutput(
    command
      .option('--dry-run', 'say what would be done, and do nothing')
      .option('--yes', 'ask nothing')
      .option('--confirm <n>', `ask nothing, unless it would be more ${many} than this`)
      .option('--limit <n>', `at most so many ${many}, those enqueued first`)
      .option('--reason <text>', 'why, for the audit trail'),
  );
}

/** The numbers among them. */
export const bulkLimits = ({ limit, confirm }: BulkOptions) => ({
  limit: limit === undefined ? Number.MAX_SAFE_INTEGER : parseCount(limit),
  confirmed: confirm === undefined ? undefined : parseCount(confirm, { max: 1e9 }),
});
