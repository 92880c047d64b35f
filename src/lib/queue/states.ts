/** What a job can be at. */
export const JOB_STATES = ['ready', 'running', 'scheduled', 'retrying', 'failed', 'held'] as const;
export type JobState = (typeof JOB_STATES)[number];

// Each state as SQL: `j` is Graphile Worker's job, `v` our verdict on it (null without one).

export const RUNNING = 'j.locked_at is not null';

/** Graphile Worker fails a job for good by using up its attempts. */
const EXHAUSTED = 'j.attempts >= j.max_attempts';

/**
 * Ended by a verdict. It holds from the moment that it is written, before Graphile Worker is told;
 * afterwards only until somebody gives the job attempts again.
 */
export const endedBy = (decision: 'fail' | 'hold') =>
  `(v.decision = '${decision}' and j.locked_at is null and (v.applied_at is null or ${EXHAUSTED}))`;

/** Waits to be run: not locked, not exhausted, and not ended by a verdict that is still to be told. */
export const WAITING = `(j.is_available = true and j.id not in (
  select u.job_id from donations.job_verdicts u where u.applied_at is null and u.decision <> 'retry'))`;

/**
 * Whether a job that waits has been begun before. One that was told to wait, or whose task was paused,
 * has its attempt given back; the reason is kept.
 */
export const WILL_RETRY = '(j.attempts > 0 or j.last_error is not null)';

/** Which of the waiting jobs are ready, will be tried again, or are to be run for the first time later. */
export const WAITING_AS = {
  ready: 'j.run_at <= now()',
  retrying: `j.run_at > now() and ${WILL_RETRY}`,
  scheduled: `j.run_at > now() and not ${WILL_RETRY}`,
} as const;

/** The name of the state, of a job joined with its verdict. */
export const STATE_NAME = `case
  when ${RUNNING} then 'running'
  when ${endedBy('hold')} then 'held'
  when ${endedBy('fail')} or (v.job_id is null and ${EXHAUSTED}) then 'failed'
  when ${WAITING_AS.retrying} then 'retrying'
  when ${WAITING_AS.scheduled} then 'scheduled'
  else 'ready' end`;
