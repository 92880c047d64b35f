import { type Filter, parseFilter } from '../../filter/parse.ts';
import type { Vocabulary } from '../../filter/vocabulary.ts';
import { JOB_STATES, type JobState } from '../states.ts';

/** The terms of a filter of jobs. */
export const JOB_TERMS = {
  state: {
    kind: 'choice',
    values: [...JOB_STATES, 'stuck'],
    about: `${JOB_STATES.join(', ')}, or stuck (locked, but its worker is gone or it takes too long)`,
    example: 'state:failed,held',
  },
  job: { kind: 'serial', about: 'the job by its id', example: 'job:4711,4712' },
  task: { kind: 'word', about: 'the task', example: 'task:send_receipt' },
  queue: { kind: 'word', about: "Graphile Worker's named queue", example: 'queue:imports' },
  error: {
    kind: 'word',
    about: 'class or code of the last error; ~ matches a part of its text',
    example: 'error:~timeout',
  },
  fingerprint: {
    kind: 'word',
    about: 'the group of errors, as in `jobs errors`',
    example: 'fingerprint:3f2a',
  },
  donation: {
    kind: 'id',
    prefix: 'don_',
    about: 'id of the donation, or a prefix of it',
    example: 'donation:don_01jd2x',
  },
  donor: { kind: 'word', about: 'id or e-mail address', example: 'donor:ada@example.org' },
  fund: { kind: 'word', about: "the donation's fund", example: 'fund:gala' },
  campaign: { kind: 'word', about: "the donation's campaign", example: 'campaign:~spring' },
  amount: { kind: 'amount', about: "the donation's amount", example: 'amount:>100' },
  received: { kind: 'date', about: 'when the gift was received', example: 'received:>=2026-11' },
  batch: { kind: 'word', about: 'batch_id in the payload', example: 'batch:bat_01jd2x' },
  retry: {
    kind: 'id',
    prefix: 'aud_',
    about: 'scheduled by this paced retry (its audit entry)',
    example: 'retry:aud_01jd2x',
  },
  age: {
    kind: 'age',
    about: 'time since it failed, was started or became due; for later jobs, since it was enqueued',
    example: 'age:>1h',
  },
  since: { kind: 'time', about: 'at most this old: 2h, or since a time', example: 'since:2h' },
  attempts: { kind: 'number', about: 'attempts so far', example: 'attempts:>3' },
  worker: {
    kind: 'word',
    about: 'the worker that runs it, or ran it last',
    example: 'worker:wrk_01jd2x',
  },
  payload: {
    kind: 'word',
    hasFields: true,
    about: 'a field of the payload: payload.<field>',
    example: 'payload.campaign:spring',
  },
} as const satisfies Vocabulary;

export type JobTerm = keyof typeof JOB_TERMS;
export type JobFilter = Filter<JobTerm>;

/**
 * Parses a filter of jobs.
 * @throws UserError `usage`.
 */
export const parseJobFilter = (text: string): JobFilter => parseFilter<JobTerm>(text, JOB_TERMS);

/** Running jobs are either stuck or at work. */
export type FineState = Exclude<JobState, 'running'> | 'stuck' | 'at_work';

const ALL: FineState[] = [...JOB_STATES.filter((state) => state !== 'running'), 'stuck', 'at_work'];

/** The states that a filter selects. */
export function wantedStates(filter: JobFilter): Set<FineState> {
  const states = new Set<FineState>(ALL);
  for (const term of filter.terms) {
    if (term.name !== 'state') continue;
    const named = new Set(
      term.values.flatMap((value): FineState[] =>
        value === 'running' ? ['stuck', 'at_work'] : [value as FineState],
      ),
    );
    for (const state of ALL) if (named.has(state) === term.not) states.delete(state);
  }
  return states;
}
