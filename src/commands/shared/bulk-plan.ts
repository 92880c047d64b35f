import type { BulkChange, Plan } from '../../lib/bulk/change.ts';
import { type Io, paint, plain } from '../../lib/output/io.ts';
import { fieldsOf, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import { capital, grouped } from '../../lib/output/text.ts';
import { cutText } from '../../lib/output/width.ts';

const NAME_WIDTH = 12;

/** Writes a plan for scripts. */
export function writePlan<P extends Plan>(
  io: Io,
  options: OutputOptions,
  change: BulkChange<P>,
  plan: P,
): void {
  const record = { action: change.action, filter: change.scope, ...change.toRecord(plan) };
  renderOne(io, options, fieldsOf(...Object.keys(record)), record as Record<string, unknown>);
}

/** A plan for people: what, how many, since when, what is skipped, the effects on donors. */
export function planText<P extends Plan>(
  io: Io,
  change: Pick<BulkChange<P>, 'words' | 'scope' | 'describe' | 'warnings'>,
  plan: P,
): string {
  const { count, skipped, examples, effects } = plan;
  const lines: [string, string][] = [];
  if (count > 0) lines.push(...change.describe(plan));
  for (const each of skipped) lines.push(['skipped', `${grouped(each.count)}: ${each.reason}`]);
  const room = (io.stdout.columns || Number.MAX_SAFE_INTEGER) - NAME_WIDTH - 3;
  for (const { text } of examples) lines.push(['for example', cutText(plain(text), room)]);
  if (count > 0 && change.words.effects !== undefined) {
    lines.push([change.words.effects, effects.join(', ')]);
    for (const warning of change.warnings(plan)) lines.push(['careful', warning]);
  }
  return [
    `${paint(io, 'bold', headline(change, plan))}  ${paint(io, 'dim', plain(change.scope))}`,
    ...lines.map(([name, text]) => `  ${paint(io, 'dim', name.padEnd(NAME_WIDTH))} ${plain(text)}`),
  ].join('\n');
}

function headline<P extends Plan>(
  { words }: Pick<BulkChange<P>, 'words'>,
  { eligible, count }: P,
): string {
  if (count === 0) return `Nothing to ${words.verb}`;
  const of = count < eligible ? ` of ${grouped(eligible)}` : '';
  return `${capital(words.verb)} ${grouped(count)}${of} ${count === 1 ? words.one : words.many}`;
}
