import type { AuditChunk, AuditEntry } from '../../../lib/audit/entries.ts';
import { shownId } from '../../../lib/ids.ts';
import type { Column } from '../../../lib/output/render.ts';

/** A change by a person. */
export const AUDIT_COLUMNS: Column<AuditEntry>[] = [
  { name: 'at', header: 'WHEN', value: (a) => a.at },
  { name: 'actor', header: 'WHO', value: (a) => `${a.actor}@${a.host}` },
  {
    name: 'action',
    header: 'ACTION',
    value: (a) => a.action,
    text: (a) => (a.outcome ? `${a.action} --${a.outcome}` : a.action),
    whole: true,
  },
  { name: 'outcome', header: 'OUTCOME', value: (a) => a.outcome, wide: true },
  {
    name: 'subject',
    header: 'OF',
    value: (a) => a.subject,
    text: (a) => shownId(a.subject ?? a.filter ?? ''),
  },
  { name: 'filter', header: 'FILTER', value: (a) => a.filter, wide: true },
  { name: 'affected', header: 'HOW MANY', value: (a) => a.affected, align: 'right' },
  { name: 'reason', header: 'WHY', value: (a) => a.reason },
  { name: 'audit', header: 'ID', value: (a) => a.id, isId: true },
  { name: 'command', header: 'COMMAND', value: (a) => a.command, wide: true },
];

/** One transaction of a bulk change. */
export const CHUNK_COLUMNS: Column<AuditChunk>[] = [
  { name: 'at', header: 'WHEN', value: (c) => c.at },
  { name: 'affected', header: 'HOW MANY', value: (c) => c.affected, align: 'right' },
  { name: 'audit', header: 'CHUNK', value: (c) => c.id, isId: true },
];
