import { applyChange } from '../../../lib/bulk/apply.ts';
import { atFullSpeed } from '../../../lib/bulk/pacing.ts';
import type { Io } from '../../../lib/output/io.ts';
import { grouped, plural } from '../../../lib/output/text.ts';
import { parseDuration } from '../../../lib/parse.ts';
import { changeJobs } from '../../../lib/queue/change/change-jobs.ts';
import type { JobChange } from '../../../lib/queue/change/job-change.ts';
import { parseJobFilter } from '../../../lib/queue/read/vocabulary.ts';
import { planText } from '../../shared/bulk-plan.ts';
import type { Request } from '../requests.ts';
import type { Confirm } from '../state.ts';
import { auditLine, type OperationDeps, operatorOf, type Planned } from './planned.ts';

type JobsRequest = Extract<Request, { filter: string }>;

export async function planJobs(
  deps: OperationDeps,
  request: JobsRequest,
  jobChange: JobChange,
): Promise<Planned> {
  const db = await deps.db();
  const change = changeJobs(jobChange, parseJobFilter(request.filter));
  const plan = await change.plan(db, Number.MAX_SAFE_INTEGER);
  const { words } = change;
  const counted = (count: number) => plural(count, words.one, words.many);
  // Rendered as on a terminal without colours, as wide as the dialog.
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
          ...(stopped ? ['Stopped after a whole chunk. The same change again does the rest.'] : []),
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

/** The question of the command. If the command asks none, another key than the one that asked for the plan confirms. */
function confirmFor(question: 'nothing' | 'yes' | 'count', count: number): Confirm {
  if (count === 0) return { by: 'nothing' };
  if (question === 'count') return { by: 'typing', word: String(count) };
  return question === 'yes' ? { by: 'y' } : { by: 'enter' };
}

/** How long from now a typed time is, in milliseconds. */
export function delayOf(when: string, now: Date): number {
  if (when === '' || when === 'now') return 0;
  if (/^\d{4}-/.test(when)) return Math.max(0, Date.parse(when) - now.getTime());
  return parseDuration(when);
}
