import { Command } from 'commander';
import { usageError } from '../../lib/errors.ts';
import type { Context } from '../context.ts';
import { type BulkOptions, withBulk } from '../shared/bulk-options.ts';
import { examples } from '../shared/examples.ts';
import { runBulk } from '../shared/run-bulk.ts';
import { type TimingOptions, timingOf, withTiming } from '../shared/timing-options.ts';
import { type FilterOptions, receiptFilterOf, withReceiptFilter } from './shared/filter-options.ts';

type Options = BulkOptions &
  FilterOptions &
  TimingOptions & { includeHeld?: boolean; force?: boolean };

/** `donations receipts replay`: sends receipts that did not get to their donors. */
export function receiptsReplayCommand(context: Context): Command {
  const command = withTiming(
    withBulk(
      withReceiptFilter(
        new Command('replay').description('send receipts that failed or bounced, each once more'),
      ),
      'receipts',
      ['donor_count', 'unknown'],
    ),
  )
    .option('--include-held', 'also those that may have been sent')
    .option('--force', 'also to addresses that mail did not reach before');
  return examples(command, [
    ['donations receipts replay --failed --since 2026-11-01 --dry-run', 'what it would do'],
    ['donations receipts replay --bounced --campaign "Spring Gala" --spread 30m', 'bit by bit'],
  ]).action(async (words: string[], options: Options) => {
    const filter = receiptFilterOf(words, options);
    if (filter.terms.length === 0) {
      throw usageError(
        'say which receipts: --failed, --held, --bounced, or a filter',
        "For instance --failed, or 'status:failed fund:gala'.",
      );
    }
    const timing = timingOf(options);
    const { replayReceipts } = await import('../../lib/receipts/replay.ts');
    const change = replayReceipts(filter, {
      ...timing,
      includeHeld: options.includeHeld === true,
      force: options.force === true,
    });
    await runBulk(context, change, options);
  });
}
