import { incidentsBetween, listIncidents, showIncident } from '../../lib/alerts/incidents.ts';
import { listSilences } from '../../lib/alerts/silences.ts';
import { parseIncidentFilter } from '../../lib/alerts/vocabulary.ts';
import { findAudit, listAudit } from '../../lib/audit/entries.ts';
import type { Db, Queryable } from '../../lib/db/database.ts';
import { readWithin } from '../../lib/db/read.ts';
import { findDonation } from '../../lib/donations/find-donation.ts';
import { tellStory } from '../../lib/donations/story.ts';
import { describeJob } from '../../lib/queue/read/detail.ts';
import { groupErrors } from '../../lib/queue/read/errors.ts';
import { listFailures } from '../../lib/queue/read/failures.ts';
import { readJobs } from '../../lib/queue/read/page.ts';
import { parseJobFilter } from '../../lib/queue/read/vocabulary.ts';
import { listDeliveries } from '../../lib/receipts/list.ts';
import { parseReceiptFilter } from '../../lib/receipts/vocabulary.ts';
import { type History, readHistory, type Stretch } from '../../lib/samples/read.ts';
import type { Content, View } from './state.ts';

/** Failures are grouped over a week, and compared by the hour: as `jobs errors` does by itself. */
const ERRORS_SINCE_MS = 7 * 24 * 3_600_000;
const ERRORS_WINDOW_MS = 3_600_000;
/** Closed incidents are listed for this long. */
const INCIDENTS_SINCE_MS = 7 * 24 * 3_600_000;

/**
 * Reads what a view shows, by the operations that the commands use; undefined for a view that shows
 * the snapshot.
 *
 * @param until the moment of the past up to which changes are listed.
 * @throws UserError when a filter is wrong, something is not found, or it takes too long.
 */
export function loadContent(
  db: Db,
  timeoutMs: number,
  view: View,
  until?: Date,
): Promise<Content | undefined> {
  return readWithin(db, timeoutMs, (tx) => read(tx, view, until));
}

async function read(
  tx: Queryable,
  { name, arg, sort, limit }: View,
  until: Date | undefined,
): Promise<Content | undefined> {
  switch (name) {
    case 'overview':
    case 'workers':
      return undefined;
    case 'jobs': {
      const { page, total } = await readJobs(tx, parseJobFilter(arg), { sort, limit });
      return { of: 'jobs', page, total };
    }
    case 'errors': {
      const { rows } = await tx.query<{ at: Date }>('select now() as at');
      const since = new Date((rows[0]?.at.getTime() ?? 0) - ERRORS_SINCE_MS);
      const found = await groupErrors(tx, { since, windowMs: ERRORS_WINDOW_MS, limit });
      return { of: 'errors', found };
    }
    case 'failures': {
      const [from = '', to = ''] = arg.split('/');
      const rows = await listFailures(tx, { from: new Date(from), to: new Date(to), limit });
      return { of: 'failures', rows };
    }
    case 'job':
      return { of: 'job', detail: await describeJob(tx, arg) };
    case 'donation':
      return { of: 'donation', story: await tellStory(tx, await findDonation(tx, arg)) };
    case 'receipts': {
      const { deliveries: rows } = await listDeliveries(tx, parseReceiptFilter(arg), { limit });
      return { of: 'receipts', rows };
    }
    case 'alerts':
      return { of: 'alerts', ...(await readAlerts(tx, { arg, limit, until })) };
    case 'incident':
      return {
        of: 'incident',
        story: await showIncident(tx, arg),
        silences: await listSilences(tx),
      };
    case 'audit':
      return { of: 'audit', rows: await listAudit(tx, { to: until, limit }) };
    case 'change':
      return { of: 'change', entry: await findAudit(tx, arg) };
  }
}

/** Open incidents and those of the last days. With `--at`, those of the days before that moment. */
async function readAlerts(
  tx: Queryable,
  { arg, limit, until }: Pick<View, 'arg' | 'limit'> & { until: Date | undefined },
) {
  if (until) {
    const from = new Date(until.getTime() - INCIDENTS_SINCE_MS);
    const found = await incidentsBetween(tx, { from, to: until, limit });
    return { incidents: found.reverse(), silences: [] };
  }
  const filter = parseIncidentFilter(arg);
  const incidents = await listIncidents(tx, { filter, sinceMs: INCIDENTS_SINCE_MS, limit });
  return { incidents, silences: await listSilences(tx) };
}

/** Reads the charts' samples, for so many columns at most. */
export const loadHistory = (
  db: Db,
  timeoutMs: number,
  window: Stretch & { most: number },
): Promise<History> => readWithin(db, timeoutMs, (tx) => readHistory(tx, window));
