import type { BulkChange, Plan } from '../../lib/bulk/change.ts';
import { type Io, paint, plain } from '../../lib/output/io.ts';
import { toJson } from '../../lib/output/render.ts';

const NAME_WIDTH = 12;

/** A plan for scripts. */
export function planJson<P extends Plan>(io: Io, change: BulkChange<P>, plan: P): string {
  const fields = { action: change.action, filter: change.scope, ...change.toRecord(plan) };
  return toJson(fields, io.stdout.isTTY);
}

/** A plan for people: what, how many, since when, what is passed over, what it does to donors. */
export function planText<P extends Plan>(io: Io, change: BulkChange<P>, plan: P): string {
  const { count, skipped, examples, effects } = plan;
  const lines: [string, string][] = [];
  if (count > 0) lines.push(...change.describe(plan));
  for (const each of skipped) lines.push(['skipped', `${grouped(each.count)}: ${each.reason}`]);
  const room = (io.stdout.columns || Number.MAX_SAFE_INTEGER) - NAME_WIDTH - 3;
  for (const { text } of examples) lines.push(['for instance', text.slice(0, room)]);
  if (count > 0 && change.words.effects !== undefined) {
    lines.push([change.words.effects, effects.join(', ')]);
    for (const warning of change.warnings(plan)) lines.push(['careful', warning]);
  }
  return [
    `${paint(io, 'bold', headline(change, plan))}  ${paint(io, 'dim', plain(change.scope))}`,
    ...lines.map(([name, text]) => `  ${paint(io, 'dim', name.padEnd(NAME_WIDTH))} ${plain(text)}`),
  ].join('\n');
}

function headline<P extends Plan>({ words }: BulkChange<P>, { eligible, count }: P): string {
  if (count === 0) return `Nothing to ${words.verb}`;
  const of = count < eligible ? ` of ${grouped(eligible)}` : '';
  return `${capital(words.verb)} ${grouped(count)}${of} ${count === 1 ? words.one : words.many}`;
}

export const grouped = (value: number) => value.toLocaleString('en-US');

export const capital = (word: string) => `${word[0]?.toUpperCase()}${word.slice(1)}`;
