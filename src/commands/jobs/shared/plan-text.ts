import type { Filter } from '../../../lib/filter/parse.ts';
import { type Io, paint, plain } from '../../../lib/output/io.ts';
import { toJson } from '../../../lib/output/render.ts';
import { formatRelative } from '../../../lib/output/time.ts';
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

/** A plan for scripts. */
export function planJson(io: Io, { change, filter, plan, count }: ShownPlan): string {
  const examples = plan.examples.map(({ id }) => id);
  const fields = { action: change.action, filter: filter.text, count, ...plan, examples };
  return toJson(fields, io.stdout.isTTY);
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
  for (const job of examples) lines.push(['for instance', summary(job).slice(0, room)]);
  if (eligible > 0 && change.verb === 'retry') {
    lines.push(['effects', effects.join(', ')]);
    if (unknown > 0)
      lines.push([
        'careful',
        `${grouped(unknown)} may have had their effect already, and would again`,
      ]);
  }
  return [
    `${paint(io, 'bold', headline(change, eligible, count))}  ${paint(io, 'dim', filter.text)}`,
    ...lines.map(([name, text]) => `  ${paint(io, 'dim', name.padEnd(NAME_WIDTH))} ${plain(text)}`),
  ].join('\n');
}

const NAME_WIDTH = 12;

function headline({ verb }: Change, eligible: number, count: number): string {
  if (eligible === 0) return `Nothing to ${verb}`;
  const of = count < eligible ? ` of ${grouped(eligible)}` : '';
  return `${capital(verb)} ${grouped(count)}${of} job${count === 1 ? '' : 's'}`;
}

const summary = ({ id, task, donation, donor_name, error }: ListedJob) =>
  [id, task, donation, donor_name, error].filter(Boolean).join('  ');

const grouped = (value: number) => value.toLocaleString('en-US');

export const capital = (word: string) => `${word[0]?.toUpperCase()}${word.slice(1)}`;
