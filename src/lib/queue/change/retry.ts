import type { Queryable } from '../../db/database.ts';
import { UserError } from '../../errors.ts';
import { reopenDeliveries, sentSince } from '../../receipts/reopen.ts';
import { CHARGES_CARD, hasFailed, isCharged } from '../read/settled-charges.ts';
import { forgetVerdicts, hasEndedAny } from '../run/verdict-changes.ts';
import { firstOf, type JobChange, type JobChunk, seeStats, UNKNOWN } from './job-change.ts';
import { forgetPacedOf, rememberPaced } from './recall.ts';
import { isPaced, setRunTimes, type Timing } from './timing.ts';

/**
 * Runs failed jobs again, starting at their first attempt. Jobs that may have taken effect already
 * are skipped unless `includeUnknown` is set.
 */
export function retry({
  timing,
  includeUnknown,
}: {
  timing: Timing;
  includeUnknown: boolean;
}): JobChange {
  const paced = isPaced(timing);
  return {
    verb: 'retry',
    past: 'Retried',
    action: 'jobs.retry',
    states: ['failed'],
    asksForOne: false,
    effects: 'effects',
    next: (operation) =>
      paced
        ? `${seeStats(operation)}\nCancel the jobs that still wait: donations jobs recall ${operation}`
        : seeStats(operation),
    skip({ state, judged, donation, at }) {
      if (state === 'running') return `'is running'`;
      if (state === 'ready') return `'is due already'`;
      if (state === 'scheduled')
        return `'has not failed yet: use jobs reschedule to run it sooner'`;
      const reasons: [string, string][] = [];
      if (judged && !includeUnknown)
        reasons.push([UNKNOWN, 'may have taken effect: use --include-unknown to retry it']);
      reasons.push(
        [
          `${CHARGES_CARD} and ${hasFailed(donation)}`,
          'its donation has failed for good: use donations donate to record a new gift',
        ],
        [`${CHARGES_CARD} and ${isCharged(donation)}`, 'its donation is settled already'],
      );
      if (judged)
        reasons.push([
          `v.task = 'send_receipt' and ${sentSince(at)}`,
          'its receipt was sent as a copy since',
        ]);
      return firstOf(reasons);
    },
    async apply(tx, chunk, place) {
      if (chunk.state === 'retrying') await refuseEnded(tx, chunk);
      if (paced) await rememberPaced(tx, chunk, place.operation);
      else await forgetPacedOf(tx, chunk);
      const due = await setRunTimes(tx, chunk, timing, place, { afresh: true });
      await forgetVerdicts(tx, chunk.ids);
      await reopenDeliveries(tx, chunk.ids);
      return { attempts: 0, due_after_ms: due };
    },
  };
}

/**
 * A job that was waiting when it was selected may have run before it was locked. Its new state was
 * not checked (it may be held), so the chunk is rolled back.
 */
async function refuseEnded(tx: Queryable, { ids }: JobChunk): Promise<void> {
  if (!(await hasEndedAny(tx, ids))) return;
  throw new UserError(
    'try_again',
    'a job ran while it was about to be retried',
    'None of these was changed. Check the jobs again: donations jobs list --retrying',
  );
}
