export const ATTEMPT_OUTCOMES = [
  'succeeded',
  'declined',
  'retry',
  'parked',
  'failed',
  'held',
  'abandoned',
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** One attempt of one job in the ledger. Times are UTC, durations are in milliseconds. */
export interface AttemptRow {
  job_id: string;
  task: string;
  attempt: number;
  /** The worker's claim of this attempt. */
  claim: string;
  donation_id: string | null;
  worker_id: string;
  started_at: string;
  latency_ms: number;
  duration_ms: number;
  outcome: AttemptOutcome;
  error_class: string | null;
  error_code: string | null;
  error_message: string | null;
  fingerprint: string | null;
  http_status: number | null;
  request_id: string | null;
  /** Milliseconds from now; Postgres adds them to its own time. */
  next_in_ms: number | null;
}

/** The decision about a job whose attempt failed; see the table donations.job_verdicts. */
export interface VerdictRow {
  job_id: string;
  task: string;
  donation_id: string | null;
  decision: 'retry' | 'fail' | 'hold';
  /** The number of the failed attempt, starting at 1. */
  attempt: number;
  /** Graphile Worker's `locked_by` of this attempt. */
  locked_by: string | null;
  /** Milliseconds from now until the job runs again; Postgres adds them to its own time. */
  delay_ms: number | null;
  /** The new value of the job's attempts; null keeps the current one. */
  attempts: number | null;
  error_class: string;
  error_code: string | null;
  message: string;
  fingerprint: string;
}
