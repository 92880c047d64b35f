import { fieldsOf, type OutputOptions } from '../../../lib/output/render.ts';

/** The options of a report about a period. */
export interface PeriodOptions extends OutputOptions {
  from?: string;
  to?: string;
  html?: string;
}

/** The fields of its `--json`. */
export const PERIOD_FIELDS = fieldsOf(
  ...(['from', 'to', 'time_zone', 'step_ms', 'samples', 'totals', 'longest_wait_ms'] as const),
  ...(['incidents', 'errors', 'open', 'changes', 'workers', 'donors', 'missing'] as const),
);
