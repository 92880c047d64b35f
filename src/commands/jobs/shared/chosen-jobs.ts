import type { Command } from 'commander';
import { usageError } from '../../../lib/errors.ts';
import type { JobFilter } from '../../../lib/queue/read/vocabulary.ts';
import { type BulkOptions, withBulk } from '../../shared/bulk-options.ts';
import { type FilterOptions, filterOf, withFilter } from '../../shared/filter-options.ts';

export type ChangeOptions = BulkOptions & FilterOptions;

/** The fields that a plan of jobs has in addition to those of every plan. */
export const JOB_PLAN_FIELDS = ['by_task', 'unknown', 'oldest_at', 'newest_at'];

/**
 * Adds the arguments and options of every change of many jobs: ids or a filter, limits,
 * confirmation.
 */
export const withJobs = (command: Command): Command =>
  withBulk(
    withFilter(command, 'job ids, or terms that must all hold: task:… error:~… age:>1h'),
    'jobs',
    JOB_PLAN_FIELDS,
  );

/** Words that are all numbers are job ids; other words are a filter. */
export function chosenJobs(words: string[], options: FilterOptions): JobFilter {
  const ids = words.filter((word) => /^\d+$/.test(word));
  const filter = filterOf(
    ids.length > 0
      ? [...words.filter((word) => !ids.includes(word)), `job:${ids.join(',')}`]
      : words,
    options,
  );
  if (filter.terms.length === 0) {
    throw usageError(
      'no jobs are selected: give ids, --failed, or a filter',
      "For example --failed, or 'task:send_receipt error:~timeout'.",
    );
  }
  return filter;
}
