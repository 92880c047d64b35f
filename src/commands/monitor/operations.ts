import type { Actor } from '../../lib/audit/record.ts';
import { applyChange } from '../../lib/bulk/apply.ts';
import { atFullSpeed } from '../../lib/bulk/pacing.ts';
import type { Db, Queryable } from '../../lib/db/database.ts';
import type { Io } from '../../lib/output/io.ts';
import { capital, grouped, plural } from '../../lib/output/text.ts';
import { formatDuration, formatRelative } from '../../lib/output/time.ts';
import { parseDuration } from '../../lib/parse.ts';
import { changeJobs } from '../../lib/queue/change/change-jobs.ts';
import { discard } from '../../lib/queue/change/discard.ts';
import type { JobChange } from '../../lib/queue/change/job-change.ts';
import { reschedule } from '../../lib/queue/change/reschedule.ts';
import { applyRescue, planRescue } from '../../lib/queue/change/rescue.ts';
import { restoreJobs } from '../../lib/queue/change/restore.ts';
import { retry } from '../../lib/queue/change/retry.ts';
import { parseJobFilter } from '../../lib/queue/read/vocabulary.ts';
import {
  countStopped,
  pauseByOperator,
  resumeByOperator,
  STOPPED_BOUND,
} from '../../lib/queue/run/pauses.ts';
import type { TaskName } from '../../lib/queue/tasks.ts';
import { findReceipt } from '../../lib/receipts/find-receipt.ts';
import { resendReceipt } from '../../lib/receipts/resend.ts';
import { resolveDelivery } from '../../lib/receipts/resolve.ts';
import { planText } from '../shared/bulk-plan.ts';
import { commandOf, type Request } from './requests.ts';
import type { Confirm } from './state.ts';

export interface OperationDeps {
  db(): Promise<Db>;
  read<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  operator(): Promise<Actor>;
  now(): Date;
  /** Runs a change in a span, if there is telemetry. */
  inSpan<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** What a change would do, as the CLI says it, and how it is made. */
export interface Planned {
  title: string;
  lines: string[];
  confirm: Confirm;
  /** How many things are changed, where they are counted. */
  total: number;
  apply(request: Request, running: Running): Promise<Applied>;
}

export interface Running {
  /** Aborted to stop after the chunk that is under way. */
  signal: AbortSignal;
  onProgress(done: number, note: string): void;
}

export interface Applied {
  lines: string[];
  /** The audit entry of a discard, for undo. */
  discarded?: string | undefined;
  stopped: boolean;
}

/** Plans a request by the operations that the commands use; nothing is changed yet. */
export async function planRequest(deps: OperationDeps, request: Request): Promise<Planned> {
  const planned = await planOf(deps, request);
  return {
    ...planned,
    apply: (...given) => deps.inSpan(`monitor ${request.kind}`, () => planned.apply(...given)),
  };
}

function planOf(deps: OperationDeps, request: Request): Promise<Planned> {
  switch (request.kind) {
    case 'retry':
      return planJobs(deps, request, retry({ timing: { delayMs: 0 }, includeUnknown: false }));
    case 'discard':
      return planJobs(deps, request, discard({ includeUnsettled: false }));
    case 'reschedule': {
      const delayMs = delayOf(request.when, deps.now());
      return planJobs(deps, request, reschedule({ timing: { delayMs } }));
    }
    case 'pause':
      return planPause(deps, request);
    case 'resume':
      return planResume(deps, request);
    case 'restore':
      return planRestore(deps, request);
    case 'rescue':
      return planRescueOf(deps, request);
    case 'resolve':
      return planResolve(deps, request);
    case 'resend':
      return planResend(deps, request);
  }
}

/** The audit trail has the command that does the same, and that it was done here. */
const operatorOf = async (deps: OperationDeps, request: Request): Promise<Actor> => ({
  ...(await deps.operator()),
  command: `${commandOf(request)}   # in donations monitor`,
});

type JobsRequest = Extract<Request, { filter: string }>;

async function planJobs(
  deps: OperationDeps,
  request: JobsRequest,
  jobChange: JobChange,
): Promise<Planned> {
  const db = await deps.db();
  const change = changeJobs(jobChange, parseJobFilter(request.filter));
  const plan = await change.plan(db, Number.MAX_SAFE_INTEGER);
  const { words } = change;
  const counted = (count: number) => plural(count, words.one, words.many);
  // As on a terminal without colours, in the dialog's columns.
  const io = { color: false, stdout: { columns: 76 } } as Io;
  const [title = '', ...lines] = planText(io, change, plan).split('\n');
  return {
    title: title.trim(),
    lines: lines.map((line) => line.replace(/^ {2}/, '')),
    confirm: confirmFor(change.question, plan.count),
    total: plan.count,
    async apply(_request, { signal, onProgress }) {
      // More may have come while the operator was deciding.
      if (change.question === 'count' && (await change.hasOutgrown(db, plan))) {
        const were = counted(plan.eligible);
        return {
          lines: [`Since the plan of ${were} there are more: nothing was changed. Look again.`],
          stopped: true,
        };
      }
      const pacing = atFullSpeed(signal);
      const { operation, changed } = await applyChange(db, change, {
        plan,
        operator: await operatorOf(deps, request),
        reason: undefined,
        pacing,
        onChunk: (done) => onProgress(done, ''),
      });
      const stopped = pacing.stopped !== undefined;
      return {
        lines: [
          `${words.past} ${grouped(changed)} of ${counted(plan.count)}.`,
          ...(stopped ? ['Stopped at a whole chunk: the same again does the rest.'] : []),
          ...(!stopped && changed < plan.count
            ? [`${grouped(plan.count - changed)} were changed by others meanwhile.`]
            : []),
          ...(operation ? [auditLine(operation)] : []),
        ],
        discarded: words.verb === 'discard' ? operation : undefined,
        stopped,
      };
    },
  };
}

/** What the command asks; where it asks nothing, a key that is not the one that asked for the plan. */
function confirmFor(question: 'nothing' | 'yes' | 'count', count: number): Confirm {
  if (count === 0) return { by: 'nothing' };
  if (question === 'count') return { by: 'typing', word: String(count) };
  return question === 'yes' ? { by: 'y' } : { by: 'enter' };
}

function delayOf(when: string, now: Date): number {
  if (when === '' || when === 'now') return 0;
  if (/^\d{4}-/.test(when)) return Math.max(0, Date.parse(when) - now.getTime());
  return parseDuration(when);
}

async function planPause(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'pause' }>,
): Promise<Planned> {
  const task = request.task as TaskName;
  const { due, running } = await deps.read((tx) => countStopped(tx, task));
  const forMs = request.forTime === '' ? undefined : parseDuration(request.forTime);
  return {
    title: `Pause ${task} on every worker`,
    lines: [
      `due now      ${grouped(Math.min(due, STOPPED_BOUND))}${due > STOPPED_BOUND ? '+' : ''}, which wait and lose no attempt`,
      `running      ${grouped(running)}, which are finished`,
      `until        ${forMs === undefined ? 'an operator resumes it' : `in ${formatDuration(forMs)}`}`,
    ],
    confirm: { by: 'enter' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const { replaced } = await pauseByOperator(await deps.db(), {
        task,
        operator,
        reason: undefined,
        forMs,
      });
      return {
        lines: [
          `${task} is paused. p lets it run again.`,
          ...(replaced ? ['It was paused before: the new end replaces the old.'] : []),
        ],
        stopped: false,
      };
    },
  };
}

async function planResume(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'resume' }>,
): Promise<Planned> {
  const task = request.task as TaskName;
  return {
    title: `Let ${task} run again on every worker`,
    lines: ['whatever stopped it; if its provider is still down it is paused again'],
    confirm: { by: 'enter' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const ended = await resumeByOperator(await deps.db(), { task, operator, reason: undefined });
      return {
        lines: [ended.length > 0 ? `${task} runs again.` : `${task} is not paused.`],
        stopped: false,
      };
    },
  };
}

async function planRestore(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'restore' }>,
): Promise<Planned> {
  const { ref } = request;
  const { rows } = await deps.read((tx) =>
    tx.query<{ task: string; count: number }>(
      `select task, count(*)::int as count from donations.discarded_jobs
       where restored_as is null and (operation = $1 or job_id::text = $1)
       group by task order by count desc`,
      [ref],
    ),
  );
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  return {
    title: total === 0 ? 'Nothing to restore' : `Restore ${jobs(total)}`,
    lines: [
      `discard      ${ref}`,
      ...(total > 0
        ? [
            `tasks        ${rows.map(({ task, count }) => `${grouped(count)} ${task}`).join(', ')}`,
            'they come back as they were, under new ids; what had failed comes back failed',
          ]
        : ['all of it was restored before, or it is longer ago than 30 days']),
    ],
    confirm: total === 0 ? { by: 'nothing' } : { by: 'enter' },
    total,
    async apply() {
      const operator = await operatorOf(deps, request);
      const result = await restoreJobs(await deps.db(), ref, { operator, reason: undefined });
      return {
        lines: [
          `Restored ${jobs(result.restored)}.`,
          ...(result.replaced > 0
            ? [`${grouped(result.replaced)} stay: a job of the same key has taken their place.`]
            : []),
          ...(result.operation ? [auditLine(result.operation)] : []),
        ],
        stopped: false,
      };
    },
  };
}

async function planRescueOf(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'rescue' }>,
): Promise<Planned> {
  const asked = { worker: request.worker, lockedLongerThanMs: undefined, force: false };
  const plan = await deps.read((tx) => planRescue(tx, asked));
  const dead = plan.filter(({ release }) => release);
  const held = dead.reduce((sum, each) => sum + each.jobs, 0);
  return {
    title:
      dead.length === 0
        ? 'Nothing to rescue: no dead worker holds jobs'
        : `Release ${jobs(held)} of ${dead.length} worker${dead.length === 1 ? '' : 's'}`,
    lines: plan.map(
      (each) =>
        `${each.release ? 'release' : 'leave'.padEnd(7)}      ${each.worker ?? each.locker}: ${jobs(each.jobs)} since ${formatRelative(each.oldest, deps.now())}, ${each.why}`,
    ),
    confirm: dead.length === 0 ? { by: 'nothing' } : { by: 'y' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const rescued = await applyRescue(await deps.db(), plan, asked, {
        operator,
        reason: undefined,
      });
      return {
        lines: [
          `Released ${jobs(rescued.jobs)}.`,
          ...(rescued.operation
            ? [
                'A mail that was being sent may have gone out: it will be held, not sent again.',
                auditLine(rescued.operation),
              ]
            : ['Others released them meanwhile, or their workers are back.']),
        ],
        stopped: false,
      };
    },
  };
}

async function planResolve(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'resolve' }>,
): Promise<Planned> {
  const receipt = await deps.read((tx) => findReceipt(tx, request.ref));
  const held = receipt.deliveries.find(({ status }) => status === 'held');
  const last = receipt.deliveries.at(-1);
  return {
    title: held
      ? `Settle receipt ${receipt.number}, for which it is unknown whether it was sent`
      : `Receipt ${receipt.number} is not held${last ? `: it is ${last.status}` : ''}`,
    lines: held
      ? [
          `to           ${held.recipient}`,
          `held         ${held.reason ?? ''}`,
          ...(held.claimedAt ? [`handed over  ${formatRelative(held.claimedAt, deps.now())}`] : []),
          'Look for it at SendGrid first: a mail cannot be taken back.',
        ]
      : ['To send it again: e'],
    confirm: held
      ? {
          by: 'choice',
          choices: [
            { key: 'S', label: 'it was sent: nothing more goes out', outcome: 'sent' },
            { key: 'R', label: 'send it, although it may have been sent', outcome: 'resend' },
          ],
        }
      : { by: 'nothing' },
    total: 0,
    async apply(chosen) {
      const outcome = chosen.kind === 'resolve' ? chosen.outcome : undefined;
      if (!outcome) return { lines: ['Nothing was changed.'], stopped: true };
      const operator = await operatorOf(deps, chosen);
      const { recipient } = await resolveDelivery(await deps.db(), receipt, {
        ...operator,
        outcome,
      });
      return {
        lines: [
          outcome === 'sent'
            ? `Receipt ${receipt.number} counts as sent to ${recipient}.`
            : `Receipt ${receipt.number} goes to ${recipient}.`,
        ],
        stopped: false,
      };
    },
  };
}

async function planResend(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'resend' }>,
): Promise<Planned> {
  const receipt = await deps.read((tx) => findReceipt(tx, request.ref));
  return {
    title: `Send receipt ${receipt.number} again, as a copy`,
    lines: [
      `to           ${receipt.content.donor.email}`,
      ...receipt.deliveries.map(
        (each) =>
          `${each.kind.padEnd(12)} ${each.status}${each.acceptedAt ? `, ${formatRelative(each.acceptedAt, deps.now())}` : ''}`,
      ),
      'effects      1 e-mail to 1 donor',
    ],
    confirm: { by: 'enter' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const sent = await resendReceipt(await deps.db(), receipt, operator);
      return {
        lines: [
          `A copy of receipt ${receipt.number} goes to ${sent.recipient} (job ${sent.jobId}).`,
        ],
        stopped: false,
      };
    },
  };
}

const jobs = (value: number) => plural(value, 'job');
const auditLine = (operation: string) => `On record: donations audit show ${operation}`;

/** The verb of a request, for the dialog that is being planned. */
export const planningText = (request: Request) =>
  `${capital(request.kind)}: looking what it would do…`;
