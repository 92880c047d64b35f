/** What a job of each task carries. Only ids: whatever else it needs, it loads when it runs. */
export interface Payloads {
  charge_card: { donation_id: string };
  settle_donation: { donation_id: string };
  tokenize_card: { donation_id: string };
  send_receipt: { donation_id: string; delivery_id: string };
}

export type TaskName = keyof Payloads;

export interface TaskFacts {
  summary: string;
  /** Who is called: what is probed before a paused task resumes. */
  provider: 'stripe' | 'sendgrid' | undefined;
  /** What a run of it does to a donor, as people count it. */
  effect: 'charge' | 'e-mail' | 'saved card' | undefined;
  /** Attempts until a job that keeps failing is given up. */
  maxAttempts: number;
}

/** Every task there is. */
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

/** Each job carries its task as a flag, so that a paused task can be passed over when jobs are claimed. */
export const taskFlag = (task: string) => `task:${task}`;
