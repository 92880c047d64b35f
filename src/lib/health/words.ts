import { plural } from '../output/text.ts';
import { formatDuration } from '../output/time.ts';
import { inWords, type RuleKind } from './rule-kinds.ts';

/** A rule as far as words need it. */
type Named = { name: string; kind: RuleKind };

/** What a rule found, as far as words need it. */
export interface Finding {
  subject: string;
  value: number | null;
  more?: boolean | undefined;
}

type Say = (words: { of: string; value: string; count: number }) => string;

// `of` is the task with a space after it, or nothing.
const FINDINGS: Record<RuleKind, Say> = {
  backlog: ({ of, value }) => `${of}${value} ready`,
  wait: ({ of, value }) => `${of}oldest ready job waits ${value}`,
  errors: ({ of, value }) => `${of}${value} of attempts go wrong`,
  failed: ({ of, value }) => `${of}${value} failed`,
  held: ({ of, value }) => `${of}${value} held`,
  stuck: ({ of, value }) => `${of}a job has been running for ${value}`,
  workers: ({ value }) => `no worker heard for ${value}`,
  circuit: ({ of, value }) => `${of}provider down for ${value}`,
  refused: ({ of, value }) => `${of}key refused for ${value}`,
  paused: ({ of, value }) => `${of}paused for ${value}`,
  late: ({ of, value }) => `${of}not done for ${value}`,
  receipts_held: ({ value }) => `${value} receipts held`,
  bounced: ({ value }) => `${value} mails bounced`,
  contradictions: ({ count }) => `${plural(count, 'gift')} failed here but charged at Stripe`,
  ledger: ({ value }) => `${value} attempts in no partition`,
  disk: ({ value }) => `disk ${value} full`,
};

/** What is so, in a few words: `send_receipt oldest ready job waits 12m`. */
export function findingInWords(rule: Named, { subject, value, more }: Finding): string {
  const count = value ?? 0;
  const said = FINDINGS[rule.kind]({
    of: subject ? `${subject} ` : '',
    value: `${inWords(rule.kind, count)}${more ? '+' : ''}`,
    count,
  });
  // A rule of another name than its kind says which: it may be about a filter.
  return rule.name === rule.kind ? said : `${rule.name}: ${said}`;
}

const job = (subject: string) => (subject ? ` --task ${subject}` : '');

const COMMANDS: Record<RuleKind, (subject: string) => string[]> = {
  backlog: (task) => [
    'donations jobs stats',
    `donations jobs list --ready${job(task)}`,
    'donations worker list',
  ],
  wait: (task) => [
    'donations jobs stats',
    `donations jobs list --ready${job(task)}`,
    'donations worker list',
  ],
  errors: () => ['donations jobs errors', 'donations doctor'],
  failed: (task) => [
    'donations jobs errors',
    `donations jobs retry --failed${job(task)} --dry-run`,
  ],
  held: (task) => [`donations jobs list --held${job(task)}`, 'donations receipts resolve --help'],
  stuck: () => ['donations jobs list --stuck', 'donations jobs rescue'],
  workers: () => ['donations worker list', 'donations worker start'],
  circuit: () => ['donations doctor', 'donations jobs errors'],
  refused: (task) => ['donations doctor', `donations jobs resume ${task}`],
  paused: (task) => ['donations audit list --action jobs.pause', `donations jobs resume ${task}`],
  late: () => ['donations cron list', 'donations worker list'],
  receipts_held: () => ['donations receipts list', 'donations receipts resolve --help'],
  bounced: () => ['donations receipts list'],
  contradictions: () => ['donations doctor'],
  ledger: () => ['donations doctor', 'donations db status'],
  disk: () => ['donations db status', 'donations config show'],
};

/** The commands that show more and fix it. */
export const commandsFor = (kind: RuleKind, subject: string): string[] => COMMANDS[kind](subject);

/** Who is affected, and for how long it has lasted. */
export interface Impact {
  jobs: number | null;
  donors: number | null;
  /** Their gifts, in words. */
  money: string | null;
  lastedMs: number;
}

/** The work of a task as donors know it. */
const WORK: Record<string, string> = {
  send_receipt: 'a receipt',
  charge_card: 'their card to be charged',
  settle_donation: 'their gift to be confirmed',
  tokenize_card: 'their card to be saved',
};

/** A sentence about donors and money, without words of the machinery. */
export function findingForBusiness(
  rule: Named,
  { subject, value }: Finding,
  impact: Impact,
): string {
  const { kind } = rule;
  const count = value ?? 0;
  const work = WORK[subject] ?? 'what follows from their gift';
  const donors = plural(impact.donors ?? 0, 'donor');
  const have = impact.donors === 1 ? 'has' : 'have';
  const gifts = impact.money ? ` (${impact.money} in gifts)` : '';
  const since = formatDuration(impact.lastedMs);
  const waiting = impact.donors
    ? `${donors}${gifts} ${impact.donors === 1 ? 'waits' : 'wait'} for ${work}.`
    : 'No donor waits for it yet.';
  switch (kind) {
    case 'wait':
      return impact.donors
        ? `${donors}${gifts} ${have} to wait for ${work}, the longest for ${inWords(kind, count)}.`
        : `Work waits for ${inWords(kind, count)}; no donor is known to wait for it.`;
    case 'backlog':
      return `More work has come than is done. ${waiting}`;
    case 'failed':
      return impact.donors
        ? `${donors}${gifts} did not get ${work}, and will not until a person tries again.`
        : `${plural(count, 'piece')} of work failed, and will not be tried again by itself.`;
    case 'held':
    case 'receipts_held':
      return impact.donors
        ? `It is unknown whether ${donors}${gifts} got ${WORK[subject] ?? 'a receipt'}: a person has to decide.`
        : `It is unknown whether ${plural(count, 'mail')} went out: a person has to decide.`;
    case 'errors':
      return `${inWords(kind, count)} of attempts at ${subject ? `giving donors ${work}` : 'work for donors'} go wrong; ${donors} ${impact.donors === 1 ? 'is' : 'are'} concerned${gifts}.`;
    case 'stuck':
      return `Work that takes seconds has taken ${inWords(kind, count)}. ${donors} ${impact.donors === 1 ? 'is' : 'are'} concerned${gifts}.`;
    case 'workers':
      return `Nothing is charged or sent in the background for ${inWords(kind, count)} now. ${waiting}`;
    case 'circuit':
      return `The provider has been down for ${inWords(kind, count)}. ${waiting} Work goes on by itself when it is back.`;
    case 'refused':
      return `The provider has refused our account for ${inWords(kind, count)}. ${waiting}`;
    case 'paused':
      return `A person stopped this work ${inWords(kind, count)} ago. ${waiting}`;
    case 'late':
      return `The system’s own upkeep is late by ${since}; no donor is concerned.`;
    case 'bounced':
      return `${plural(count, 'mail')} to donors came back: their addresses may be wrong.`;
    case 'contradictions':
      return `${plural(count, 'gift')}${gifts} may have been charged although our books say that ${count === 1 ? 'it' : 'they'} failed.`;
    case 'ledger':
    case 'disk':
      return `The database runs out of room: gifts could not be recorded when it is full.`;
  }
}
