import type { AuditRow } from '../../../lib/audit/find.ts';
import type { Column } from '../../../lib/output/render.ts';

/** A change by a person. */
export const AUDIT_COLUMNS: Column<AuditRow>[] = [
  { name: 'at', header: 'WHEN', value: (a) => a.at },
  { name: 'who', header: 'WHO', value: (a) => `${a.actor}@${a.host}` },
  {
    name: 'action',
    header: 'ACTION',
    value: (a) => a.action,
    text: (a) => (a.outcome ? `${a.action} --${a.outcome}` : a.action),
  },
  { name: 'outcome', header: 'OUTCOME', value: (a) => a.outcome, wide: true },
  {
    name: 'subject',
    header: 'OF',
    value: (a) => a.subject,
    text: (a) => a.subject ?? a.filter ?? '',
  },
  { name: 'filter', header: 'FILTER', value: (a) => a.filter, wide: true },
  { name: 'affected', header: 'HOW MANY', value: (a) => a.affected, align: 'right' },
  { name: 'reason', header: 'WHY', value: (a) => a.reason },
  { name: 'id', header: 'ID', value: (a) => a.id, isId: true },
  { name: 'command', header: 'COMMAND', value: (a) => a.command, wide: true },
];
