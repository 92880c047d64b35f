/**
 * Indexes that we add to Graphile Worker's own table, which has none for locked or failed jobs.
 * They do not slow its work: neither index contains waiting jobs. They are created after its
 * migrations. test/db/graphile-schema.test.ts guards the columns that they rely on.
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
