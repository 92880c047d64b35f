import { Command } from 'commander';
import type { WholeAuditEntry } from '../../lib/audit/entries.ts';
import { print, say } from '../../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  type OutputOptions,
  render,
  renderOne,
  toRecord,
} from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { CHUNK_COLUMNS } from './shared/columns.ts';

const COLUMNS: Column<WholeAuditEntry>[] = [
  { name: 'audit', header: 'ID', value: (a) => a.id },
  { name: 'at', header: 'WHEN', value: (a) => a.at, text: (a) => a.at.toISOString() },
  { name: 'actor', header: 'WHO', value: (a) => `${a.actor}@${a.host}` },
  { name: 'action', header: 'ACTION', value: (a) => a.action },
  { name: 'command', header: 'COMMAND', value: (a) => a.command },
  { name: 'subject', header: 'OF', value: (a) => a.subject },
  { name: 'filter', header: 'FILTER', value: (a) => a.filter },
  { name: 'reason', header: 'WHY', value: (a) => a.reason },
  { name: 'affected', header: 'HOW MANY', value: (a) => a.affected },
  { name: 'part_of', header: 'PART OF', value: (a) => a.operation },
  { name: 'before', header: 'BEFORE', value: (a) => a.detail.before },
  { name: 'after', header: 'AFTER', value: (a) => a.detail.after },
  { name: 'detail', header: 'DETAIL', value: (a) => restOf(a.detail) },
  {
    name: 'chunks',
    header: 'CHUNKS',
    value: (a) => a.chunks.map((chunk) => toRecord(CHUNK_COLUMNS, chunk)),
    text: chunkWords,
  },
  { name: 'chunk_count', header: '', value: (a) => a.chunkCount, text: () => '' },
  { name: 'restorable', header: '', value: (a) => a.restorable, text: () => '' },
];

/** `donations audit show <id>`: all of one entry. */
export function auditShowCommand(context: Context): Command {
  const command = new Command('show')
    .description('all of one entry: the command line, the filter, what was before and after')
    .addArgument(
      new CompletedArgument(
        '<id>',
        'the entry (aud_…), or an unambiguous beginning of it',
        recent('audit'),
      ),
    );
  return examples(withOutput(command, COLUMNS), [
    ['donations audit show aud_01jd2x', 'one change, chunk by chunk'],
    ['donations audit show aud_01jd2x --json=command,before,after', 'for a script'],
  ]).action(async (ref: string, options: OutputOptions) => {
    const { findAudit } = await import('../../lib/audit/entries.ts');
    const entry = await context.read((tx) => findAudit(tx, ref));
    const { io } = context;
    renderOne(io, options, COLUMNS, entry);
    if (chosenFormat(options).format !== 'table') return;
    if (entry.chunks.length > 0) {
      print(io, '');
      render(io, {}, CHUNK_COLUMNS, entry.chunks);
      say(io, `Which jobs: donations audit show ${entry.chunks[0]?.id}`);
    }
    if (entry.restorable > 0) say(io, `Undo: donations jobs restore ${entry.id}`);
  });
}

function chunkWords({ chunks, chunkCount: count }: WholeAuditEntry): string {
  if (count === 0) return '';
  return count > chunks.length ? `the first ${chunks.length} of ${count}:` : String(count);
}

function restOf({ before: _before, after: _after, ...rest }: Record<string, unknown>) {
  return Object.keys(rest).length > 0 ? rest : undefined;
}
