import type { Column } from '../../../lib/output/render.ts';
import type { ErrorGroup } from '../../../lib/queue/read/errors.ts';
import { quoteArgument } from '../../shared/command-line.ts';
import { tasksInShort } from './tasks-in-short.ts';

/** The command that retries just this group; null when a retry would have no effect. */
export const retryOf = ({ filter, retryable }: ErrorGroup): string | null =>
  retryable === 0 ? null : `donations jobs retry ${quoteArgument(filter)}`;

const trend = ({ recent, before }: ErrorGroup) =>
  recent > before ? 'rising' : recent < before ? 'falling' : 'steady';
const ARROWS = { rising: '↑', falling: '↓', steady: '→' };

/** The columns of error groups. */
export const ERROR_COLUMNS: Column<ErrorGroup>[] = [
  { name: 'fingerprint', header: 'FINGERPRINT', value: (group) => group.fingerprint, whole: true },
  {
    name: 'failed',
    header: 'FAILED',
    value: (group) => group.failed,
    tone: (group) => (group.failed > 0 ? 'bad' : undefined),
    align: 'right',
  },
  {
    name: 'held',
    header: 'HELD',
    value: (group) => group.held,
    tone: (group) => (group.held > 0 ? 'bad' : undefined),
    align: 'right',
  },
  {
    name: 'recent',
    header: 'LATELY',
    value: (group) => group.recent,
    text: (group) => `${group.recent} ${ARROWS[trend(group)]}`,
    tone: (group) => (trend(group) === 'rising' ? 'bad' : undefined),
    align: 'right',
    minor: true,
  },
  { name: 'recent_before', header: 'BEFORE', value: (group) => group.before, wide: true },
  { name: 'trend', header: 'TREND', value: trend, wide: true },
  {
    name: 'tasks',
    header: 'TASKS',
    value: (group) => group.tasks,
    text: (group) => tasksInShort(group.tasks),
    whole: true,
  },
  { name: 'error', header: 'ERROR', value: (group) => group.message },
  { name: 'error_class', header: 'CLASS', value: (group) => group.errorClass, wide: true },
  { name: 'first_at', header: 'FIRST', value: (group) => group.first, minor: true },
  { name: 'last_at', header: 'LAST', value: (group) => group.last },
  { name: 'job', header: 'EXAMPLE', value: (group) => group.example, align: 'right', whole: true },
  { name: 'retryable', header: 'RETRYABLE', value: (group) => group.retryable, wide: true },
  { name: 'command', header: 'RETRY', value: retryOf, wide: true },
];
