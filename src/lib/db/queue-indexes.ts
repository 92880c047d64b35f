/**
 * The indexes that we add to Graphile Worker's own table, which has none for jobs that are locked
 * or failed. Neither is in the way of its work: of a job that is waiting there is no entry in
 * either. Made after its migrations; what they rely on is guarded by test/db/graphile-schema.test.ts.
 */
export const QUEUE_INDEXES: { name: string; on: string }[] = [
  {
    name: 'donations_locked_jobs',
    on: 'graphile_worker._private_jobs (locked_at, id) where locked_at is not null',
  },
  {
    // See FAILED_BY in src/lib/queue/run/adopt.ts.
    name: 'donations_exhausted_jobs',
    on: 'graphile_worker._private_jobs (greatest(updated_at, run_at), id) where attempts >= max_attempts',
  },
];
