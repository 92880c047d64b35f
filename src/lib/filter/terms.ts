/** What a job can be at. `stuck` is running, but nobody seems to be at it. */
export const JOB_STATES = ['ready', 'running', 'scheduled', 'retrying', 'failed', 'held'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** How the value of a term is read. */
export type TermKind = 'state' | 'job' | 'word' | 'number' | 'age' | 'time';

export interface TermFacts {
  kind: TermKind;
  about: string;
  example: string;
}

/** The terms of the filter language: in lists, bulk changes, the monitor and alert rules alike. */
export const TERMS = {
  state: {
    kind: 'state',
    about: `${JOB_STATES.join(', ')}, or stuck (running, but nobody is at it)`,
    example: 'state:failed,held',
  },
  job: { kind: 'job', about: 'the job by its id', example: 'job:4711,4712' },
  task: { kind: 'word', about: 'the task', example: 'task:send_receipt' },
  queue: { kind: 'word', about: "Graphile Worker's named queue", example: 'queue:imports' },
  error: {
    kind: 'word',
    about: 'class or code of the last error; with ~ a part of its text',
    example: 'error:~timeout',
  },
  fingerprint: {
    kind: 'word',
    about: 'the group of errors, as in `jobs errors`',
    example: 'fingerprint:3f2a',
  },
  donation: { kind: 'word', about: 'id of the donation', example: 'donation:don_01jd2x' },
  donor: { kind: 'word', about: 'id or e-mail address', example: 'donor:ada@example.org' },
  fund: { kind: 'word', about: "the donation's fund", example: 'fund:gala' },
  campaign: { kind: 'word', about: "the donation's campaign", example: 'campaign:~spring' },
  batch: { kind: 'word', about: 'batch_id in the payload', example: 'batch:bat_01jd2x' },
  age: {
    kind: 'age',
    about: 'since it failed, was begun or became due; of jobs to come, since they were enqueued',
    example: 'age:>1h',
  },
  since: { kind: 'time', about: 'no older than this: 2h, or a time', example: 'since:2h' },
  attempts: { kind: 'number', about: 'attempts so far', example: 'attempts:>3' },
  worker: { kind: 'word', about: 'who runs it, or ran it', example: 'worker:wrk_01jd2x' },
  payload: {
    kind: 'word',
    about: 'a field of the payload: payload.<field>',
    example: 'payload.campaign:spring',
  },
} as const satisfies Record<string, TermFacts>;

export type TermName = keyof typeof TERMS;

export const TERM_NAMES = Object.keys(TERMS) as TermName[];
