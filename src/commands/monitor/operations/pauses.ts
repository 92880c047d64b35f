import { grouped } from '../../../lib/output/text.ts';
import { formatDuration } from '../../../lib/output/time.ts';
import { parseDuration } from '../../../lib/parse.ts';
import {
  countStopped,
  pauseByOperator,
  resumeByOperator,
  STOPPED_BOUND,
} from '../../../lib/queue/run/pauses.ts';
import type { TaskName } from '../../../lib/queue/tasks.ts';
import type { Request } from '../requests.ts';
import { type OperationDeps, operatorOf, type Planned } from './planned.ts';

export async function planPause(
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

export async function planResume(
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
