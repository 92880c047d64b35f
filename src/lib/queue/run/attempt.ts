export type AttemptOutcome =
  | 'succeeded'
  | 'declined'
  | 'retry'
  | 'parked'
  | 'failed'
  | 'held'
  | 'abandoned';

/** One attempt of one job, as the ledger keeps it. Times are UTC, durations milliseconds. */
export interface AttemptRow {
  job_id: string;
  task: string;
  attempt: number;
  /** The attempt's own mark. */
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
  /** From now, in milliseconds: Postgres makes a time of it, by its own clock. */
  next_in_ms: number | null;
}

/** What is to become of a job whose attempt failed; see the table donations.job_verdicts. */
export interface VerdictRow {
  job_id: string;
  task: string;
  donation_id: string | null;
  decision: 'retry' | 'fail' | 'hold';
  /** The attempt that was judged, 1 for the first. */
  attempt: number;
  /** The name under which Graphile Worker locked the job for this attempt. */
  locked_by: string | null;
  /** When the job runs again: from now, in milliseconds, by the clock of Postgres. */
  delay_ms: number | null;
  /** What the job's count of attempts is to be; null leaves it. */
  attempts: number | null;
  error_class: string;
  error_code: string | null;
  message: string;
  fingerprint: string;
}
