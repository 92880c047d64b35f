import { capital } from '../../lib/output/text.ts';
import { shellWord } from './text.ts';

/** What an operator wants done; the CLI has a command for each. */
export type Request =
  | { kind: 'retry'; filter: string }
  | { kind: 'discard'; filter: string }
  | { kind: 'reschedule'; filter: string; when: string }
  | { kind: 'pause'; task: string; forTime: string }
  | { kind: 'resume'; task: string }
  | { kind: 'restore'; ref: string }
  | { kind: 'rescue'; worker: string | undefined }
  | { kind: 'resolve'; ref: string; outcome: 'sent' | 'resend' | undefined }
  | { kind: 'resend'; ref: string }
  | { kind: 'acknowledge'; id: string; forTime: string; reason: string }
  | { kind: 'silence'; rule: string | null; task: string | null; forTime: string; reason: string }
  /** Ends the silences of exactly this rule and task; null means any. */
  | { kind: 'unsilence'; rule: string | null; task: string | null };

/** The command line that does the same. */
export function commandOf(request: Request): string {
  switch (request.kind) {
    case 'retry':
    case 'discard':
      return `donations jobs ${request.kind} ${chosen(request.filter)}`;
    case 'reschedule':
      return `donations jobs reschedule ${chosen(request.filter)} ${whenOption(request.when)}`;
    case 'pause': {
      const end = request.forTime === '' ? '' : ` --for ${shellWord(request.forTime)}`;
      return `donations jobs pause ${shellWord(request.task)}${end}`;
    }
    case 'resume':
      return `donations jobs resume ${shellWord(request.task)}`;
    case 'restore':
      return `donations jobs restore ${shellWord(request.ref)}`;
    case 'rescue':
      return `donations jobs rescue${request.worker ? ` --worker ${shellWord(request.worker)}` : ''}`;
    case 'resolve':
      // Until it is decided there is nothing to decide by pasting it.
      return request.outcome
        ? `donations receipts resolve ${shellWord(request.ref)} --${request.outcome}`
        : `donations receipts show ${shellWord(request.ref)}`;
    case 'resend':
      return `donations receipts resend ${shellWord(request.ref)}`;
    case 'acknowledge':
      return `donations alerts ack ${shellWord(request.id)}${options(request, 'forTime', 'reason')}`;
    case 'silence':
      return `donations alerts silence${options(request, 'rule', 'task', 'forTime', 'reason')}`;
    case 'unsilence':
      return `donations alerts silence --end${options(request, 'rule', 'task')}`;
  }
}

const OPTIONS = { rule: '--rule', task: '--task', forTime: '--for', reason: '--reason' };
type OptionName = keyof typeof OPTIONS;

/** The options that are given. */
const options = (given: Partial<Record<OptionName, string | null>>, ...names: OptionName[]) =>
  names.map((name) => (given[name] ? ` ${OPTIONS[name]} ${shellWord(given[name])}` : '')).join('');

/** Of jobs that are named one by one their numbers, else the filter as one word. */
function chosen(filter: string): string {
  const ids = /^job:([\d,]+)$/.exec(filter)?.[1];
  return ids ? ids.split(',').join(' ') : shellWord(filter);
}

function whenOption(when: string): string {
  if (when === '' || when === 'now') return '--now';
  return /^\d{4}-/.test(when) ? `--at ${shellWord(when)}` : `--in ${shellWord(when)}`;
}

/** The verb of a request, for the dialog that is being planned. */
export const planningText = (request: Request) =>
  `${capital(request.kind)}: looking what it would do…`;
