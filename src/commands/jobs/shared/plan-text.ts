import type { Filter } from '../../../lib/filter/parse.ts';
import { type Io, paint, plain } from '../../../lib/output/io.ts';
import { fieldsOf } from '../../../lib/output/render.ts';
import { capital, grouped, plural } from '../../../lib/output/text.ts';
import { formatRelative } from '../../../lib/output/time.ts';
import { cutText } from '../../../lib/output/width.ts';
import type { Change } from '../../../lib/queue/change/change.ts';
import type { Plan } from '../../../lib/queue/change/plan.ts';
import type { ListedJob } from '../../../lib/queue/read/list.ts';

export interface ShownPlan {
  change: Change;
  filter: Filter;
  plan: Plan;
  /** How many will be changed: those eligible, or fewer by `--limit`. */
  count: number;
}

export const PLAN_FIELDS = fieldsOf(
  'action',
  'filter',
  'count',
  'eligible',
  'tasks',
  'unknown',
  'skipped',
  'oldest',
  'newest',
  'examples',
  'effects',
  'at',
);

/** A plan for scripts. */
export function planRecord({ change, filter, plan, count }: ShownPlan) {
  const examples = plan.examples.map(({ id }) => id);
  return { action: change.action, filter: filter.text, count, ...plan, examples };
}

/** A plan for people: what, how many, since when, what is passed over, what it does to donors. */
export function planText(io: Io, { change, filter, plan, count }: ShownPlan): string {
  const { eligible, skipped, tasks, unknown, oldest, newest, examples, effects, at } = plan;
  const lines: [string, string][] = [];
  if (eligible > 0)
    lines.push(['tasks', tasks.map((each) => `${grouped(each.count)} ${each.task}`).join(', ')]);
  if (oldest && newest)
    lines.push(['since', `${formatRelative(oldest, at)} to ${formatRelative(newest, at)}`]);
  for (const each of skipped) lines.push(['skipped', `${grouped(each.count)}: ${each.reason}`]);
  const room = (io.stdout.columns || Number.MAX_SAFE_INTEGER) - NAME_WIDTH - 3;
  for (const job of examples) lines.push(['for instance', cutText(plain(summary(job)), room)]);
  if (eligible > 0 && change.verb === 'retry') {
    lines.push(['effects', effects.join(', ')]);
    if (unknown > 0)
      lines.push([
        'careful',
        `${grouped(unknown)} may have had their effect already, and would again`,
      ]);
  }
  return [
    `${paint(io, 'bold', headline(change, eligible, count))}  ${paint(io, 'dim', plain(filter.text))}`,
    ...lines.map(([name, text]) => `  ${paint(io, 'dim', name.padEnd(NAME_WIDTH))} ${plain(text)}`),
  ].join('\n');
}

const NAME_WIDTH = 12;

function headline({ verb }: Change, eligible: number, count: number): string {
  if (eligible === 0) return `Nothing to ${verb}`;
  const of = count < eligible ? `${grouped(count)} of ` : '';
  return `${capital(verb)} ${of}${plural(count < eligible ? eligible : count, 'job')}`;
}

const summary = ({ id, task, donation, donor_name, error }: ListedJob) =>
  [id, task, donation, donor_name, error].filter(Boolean).join('  ');
