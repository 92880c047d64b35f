import { type Incident, incidentsBetween } from '../alerts/incidents.ts';
import { type AuditEntry, listAudit } from '../audit/entries.ts';
import type { Queryable } from '../db/database.ts';
import type { BoundedCount } from '../db/page.ts';
import { plural } from '../output/text.ts';
import { type Period, readTrouble, type Trouble } from '../queue/read/trouble.ts';
import { type WorkerLife, workersBetween } from '../queue/run/workers.ts';
import { type Bucket, countUnsampled, readHistory } from '../samples/read.ts';

/** What happened in a period of the past. */
export interface PeriodReport extends Period {
  /** The length of a bucket of the samples in milliseconds. */
  stepMs: number;
  samples: Bucket[];
  totals: { enqueued: number; done: number; retried: number; failed: number; held: number };
  /** Attempts that are not in the samples and the totals yet, in a sentence; undefined when all are. */
  unsampled: string | undefined;
  /** The longest wait of a ready job that a sample saw, in milliseconds; null when none looked. */
  longestWaitMs: number | null;
  incidents: Incident[];
  changes: AuditEntry[];
  workers: WorkerLife[];
  trouble: Trouble;
  /** The wait in milliseconds from which a job counts as late. */
  lateMs: number;
  /** What this report does not have, in sentences. */
  missing: string[];
}

const MOST_BUCKETS = 120;
const MOST_ROWS = 200;
const MINUTE_MS = 60_000;

/**
 * Reads what happened in a period: from the minute samples, the ledger of attempts, the incidents, the
 * audit trail and the workers.
 *
 * @param lateMs the wait in milliseconds from which a job counts as late.
 */
export async function periodReport(
  tx: Queryable,
  { from, to, lateMs }: Period & { lateMs: number },
): Promise<PeriodReport> {
  const begun = Math.floor(from.getTime() / MINUTE_MS) * MINUTE_MS;
  const { stepMs, buckets, since } = await readHistory(tx, {
    windowMs: Math.max(MINUTE_MS, to.getTime() - begun),
    until: to,
    most: MOST_BUCKETS,
  });
  const rows = { from, to, limit: MOST_ROWS + 1 };
  const [incidents, changes, workers] = [
    await incidentsBetween(tx, rows),
    (await listAudit(tx, rows)).reverse(),
    await workersBetween(tx, rows),
  ];
  const unsampled = unsampledInWords(await countUnsampled(tx, { from, to }));
  const trouble = await readTrouble(tx, { from, to }, lateMs);
  const sum = (field: keyof PeriodReport['totals']) =>
    buckets.reduce((total, bucket) => total + bucket[field], 0);
  const waits = buckets.flatMap(({ waitMs }) => waitMs ?? []);
  return {
    from,
    to,
    stepMs,
    samples: buckets,
    totals: {
      enqueued: sum('enqueued'),
      done: sum('done'),
      retried: sum('retried'),
      failed: sum('failed'),
      held: sum('held'),
    },
    unsampled,
    longestWaitMs: waits.length > 0 ? Math.max(...waits) : null,
    incidents: incidents.slice(0, MOST_ROWS),
    changes: changes.slice(-MOST_ROWS),
    workers: workers.slice(0, MOST_ROWS),
    trouble,
    lateMs,
    missing: [
      ...missingSamples(buckets, since, begun),
      ...(unsampled ? [unsampled] : []),
      ...missingRows('incidents', incidents.length, MOST_ROWS),
      ...missingRows('changes by people', changes.length, MOST_ROWS),
      ...missingRows('workers', workers.length, MOST_ROWS),
      ...(trouble.openCount > trouble.open.length
        ? [`Only ${trouble.open.length} of ${trouble.openCount} open gifts are listed.`]
        : []),
      ...(trouble.more
        ? ['Causes and donors are of the latest 100,000 attempts of the period.']
        : []),
    ],
  };
}

const unsampledInWords = ({ count, more }: BoundedCount): string | undefined =>
  count === 0
    ? undefined
    : `Not in the counts and charts yet: ${more ? 'more than ' : ''}${plural(count, 'attempt')} after the last sample. A worker adds them when it runs.`;

const missingRows = (what: string, count: number, most: number): string[] =>
  count > most ? [`Only ${most} of the ${what} are listed.`] : [];

function missingSamples(buckets: Bucket[], since: string | null, begun: number): string[] {
  if (since === null) return ['No worker has recorded samples yet, so the charts are empty.'];
  const unseen = buckets.filter(({ waitMs }) => waitMs === null).length;
  return [
    ...(Date.parse(since) > begun
      ? [`The oldest sample is of ${since}. What was before is not in the charts.`]
      : []),
    ...(unseen > 0
      ? [
          `In ${unseen} of ${buckets.length} columns of the charts no worker saw how long jobs waited.`,
        ]
      : []),
  ];
}
