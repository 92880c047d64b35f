import type { RuleReading } from '../../../lib/health/assess.ts';
import { inWords, kindFacts, roundedValue } from '../../../lib/health/rule-kinds.ts';
import type { Column } from '../../../lib/output/render.ts';
import { lookOf } from '../../../lib/output/status.ts';
import { formatDuration } from '../../../lib/output/time.ts';

const words = ({ rule }: RuleReading, value: number | null) =>
  value === null ? '' : inWords(rule.kind, value);

const scopeOf = ({ rule }: RuleReading) =>
  rule.filter ?? rule.task ?? (kindFacts(rule.kind).byTask && !rule.together ? 'each task' : '');

export const RULE_COLUMNS: Column<RuleReading>[] = [
  { name: 'rule', header: 'RULE', value: ({ rule }) => rule.name, whole: true },
  { name: 'measures', header: 'MEASURES', value: ({ rule }) => kindFacts(rule.kind).measures },
  { name: 'scope', header: 'OF', value: scopeOf },
  {
    name: 'value',
    header: 'NOW',
    value: (row) => roundedValue(row.rule.kind, row.value),
    text: (row) => words(row, row.value),
    align: 'right',
  },
  { name: 'subject', header: 'WORST', value: (row) => row.subject, minor: true, whole: true },
  {
    name: 'warning',
    header: 'WARNING',
    value: ({ rule }) => rule.warning,
    text: (row) => words(row, row.rule.warning),
    align: 'right',
  },
  {
    name: 'critical',
    header: 'CRITICAL',
    value: ({ rule }) => rule.critical,
    text: (row) => words(row, row.rule.critical),
    align: 'right',
  },
  {
    name: 'for_ms',
    header: 'FOR',
    value: ({ rule }) => rule.forMs,
    text: ({ rule }) => (rule.forMs ? formatDuration(rule.forMs) : ''),
    align: 'right',
    minor: true,
  },
  {
    name: 'window_ms',
    header: 'WINDOW',
    value: ({ rule }) => rule.windowMs || null,
    text: ({ rule }) => (rule.windowMs ? formatDuration(rule.windowMs) : ''),
    align: 'right',
    wide: true,
  },
  { name: 'minimum', header: 'MINIMUM', value: ({ rule }) => rule.minimum || null, wide: true },
  { name: 'clear', header: 'CLEAR', value: ({ rule }) => rule.clear, wide: true },
  {
    name: 'level',
    header: 'VERDICT',
    value: (row) => row.level,
    text: (row) => `${lookOf(row.level).glyph} ${row.level}`,
    tone: (row) => lookOf(row.level).tone,
  },
];
