/** The payload of each task. It contains ids only; the task loads everything else when it runs. */
export interface Payloads {
  charge_card: { donation_id: string };
  settle_donation: { donation_id: string };
  tokenize_card: { donation_id: string };
  send_receipt: { donation_id: string; delivery_id: string };
}

export type TaskName = keyof Payloads;

export interface TaskFacts {
  summary: string;
  /** The provider that the task calls, and that is probed before a paused task resumes. */
  provider: 'stripe' | 'sendgrid' | undefined;
  /** The effect of a run on a donor, as a countable noun. */
  effect: 'charge' | 'e-mail' | 'saved card' | undefined;
  /** The attempts after which a failing job is given up. */
  maxAttempts: number;
}

/** All tasks. */
export const TASKS: Record<TaskName, TaskFacts> = {
  charge_card: {
    summary: 'Charge the card',
    provider: 'stripe',
    effect: 'charge',
    maxAttempts: 25,
  },
  settle_donation: {
    summary: 'Finish a charge whose process died',
    provider: 'stripe',
    effect: 'charge',
    maxAttempts: 25,
  },
  tokenize_card: {
    summary: 'Save the card for later gifts',
    provider: 'stripe',
    effect: 'saved card',
    maxAttempts: 25,
  },
  send_receipt: {
    summary: 'E-mail the receipt',
    provider: 'sendgrid',
    effect: 'e-mail',
    maxAttempts: 25,
  },
};

export const TASK_NAMES = Object.keys(TASKS) as TaskName[];

/** Each job has its task as a flag, so that workers can skip paused tasks when they claim jobs. */
export const taskFlag = (task: string) => `task:${task}`;
