/** The states of a job. */
export const JOB_STATES = ['ready', 'running', 'scheduled', 'retrying', 'failed', 'held'] as const;
export type JobState = (typeof JOB_STATES)[number];

// Each state as SQL: `j` is Graphile Worker's job, `v` our verdict on it (null without one).

export const RUNNING = 'j.locked_at is not null';

/** Graphile Worker marks a job as failed for good by setting its attempts to the maximum. */
const EXHAUSTED = 'j.attempts >= j.max_attempts';

/**
 * Whether a verdict ended the job. It holds as soon as the verdict is written, before it is applied
 * to Graphile Worker. After that it applies until an operator gives the job more attempts.
 */
export const endedBy = (decision: 'fail' | 'hold') =>
  `(v.decision = '${decision}' and j.locked_at is null and (v.applied_at is null or ${EXHAUSTED}))`;

/** Waiting: not locked, not exhausted, and without a final verdict that is still to be applied. */
export const WAITING = `(j.is_available = true and j.id not in (
  select u.job_id from donations.job_verdicts u where u.applied_at is null and u.decision <> 'retry'))`;

/**
 * Whether a waiting job has been started before. A rate limit or a pause gives the attempt back but
 * keeps the reason.
 */
export const WILL_RETRY = '(j.attempts > 0 or j.last_error is not null)';

/** Divides waiting jobs into ready, retrying and scheduled for a first attempt later. */
export const WAITING_AS = {
  ready: 'j.run_at <= now()',
  retrying: `j.run_at > now() and ${WILL_RETRY}`,
  scheduled: `j.run_at > now() and not ${WILL_RETRY}`,
} as const;

/** The name of the state of a job joined with its verdict. */
export const STATE_NAME = `case
  when ${RUNNING} then 'running'
  when ${endedBy('hold')} then 'held'
  when ${endedBy('fail')} or (v.job_id is null and ${EXHAUSTED}) then 'failed'
  when ${WAITING_AS.retrying} then 'retrying'
  when ${WAITING_AS.scheduled} then 'scheduled'
  else 'ready' end`;
