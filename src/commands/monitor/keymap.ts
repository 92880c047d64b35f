import { TASK_NAMES } from '../../lib/queue/tasks.ts';
import {
  chosenDiscard,
  chosenFailed,
  chosenJobs,
  chosenReceipt,
  chosenTask,
  isHeld,
  rowKeys,
} from './selection.ts';
import { currentView, type State, type ViewName } from './state.ts';
import { WINDOWS } from './windows.ts';

/** What a key does. */
export type Verb =
  | 'up'
  | 'down'
  | 'pageUp'
  | 'pageDown'
  | 'top'
  | 'bottom'
  | 'nextPane'
  | 'previousPane'
  | 'enter'
  | 'back'
  | 'state'
  | 'overview'
  | 'jobs'
  | 'errors'
  | 'workers'
  | 'receipts'
  | 'audit'
  | 'filter'
  | 'jump'
  | 'sort'
  | 'shorter'
  | 'longer'
  | 'earlier'
  | 'later'
  | 'mark'
  | 'markAll'
  | 'retry'
  | 'discard'
  | 'undo'
  | 'reschedule'
  | 'pause'
  | 'rescue'
  | 'resolve'
  | 'resend'
  | 'copy'
  | 'refresh'
  | 'freeze'
  | 'faster'
  | 'slower'
  | 'help'
  | 'quit'
  | 'suspend'
  | 'redraw';

export interface Binding {
  verb: Verb;
  /** As `toKeys` names them. */
  keys: string[];
  /** The keys as people read them. */
  shown: string;
  /** A word for the footer; without one it is in the help only. */
  word?: string;
  about: string;
  group: 'Move' | 'Look' | 'Charts' | 'Change' | 'Monitor';
  /** Where it means something; everywhere without. */
  views?: ViewName[];
  /** Whether it changes something: not with --read-only. */
  changes?: true;
  /** What it does in the past, if that is something else; or why it does nothing there. */
  past?: { word: string; about: string } | { off: string };
  /** Why it does nothing now; undefined when it works. */
  off?: (state: State) => string | undefined;
}

const LISTS: ViewName[] = [
  'overview',
  'jobs',
  'errors',
  'failures',
  'workers',
  'receipts',
  'audit',
];
/** Which jobs there were is not kept; what went wrong is. */
const NO_JOBS_OF_THEN = {
  off: 'history does not hold which jobs there were; Enter on a task lists what went wrong',
};
const STANDS_STILL = { off: 'the past stands still' };

const JOBS: ViewName[] = ['overview', 'jobs', 'errors', 'job', 'failures'];

/** Every key there is: footer, help, manual and dispatch are made from this. */
export const KEYMAP: Binding[] = [
  {
    verb: 'enter',
    keys: ['return'],
    shown: 'Enter',
    word: 'open',
    about: 'go in: a task, a state, a job, a group of errors, a minute of the charts',
    group: 'Move',
    off: (state) =>
      LISTS.includes(currentView(state).name) && rowKeys(state).length === 0 && !state.cursor
        ? 'there is nothing to open'
        : undefined,
  },
  {
    verb: 'back',
    keys: ['escape'],
    shown: 'Esc',
    word: 'back',
    about: 'back to where you came from; takes a cursor or marks away first',
    group: 'Move',
    off: (state) =>
      state.views.length > 1 || state.cursor !== undefined
        ? undefined
        : 'this is the first view: q ends',
  },
  {
    verb: 'filter',
    keys: ['/'],
    shown: '/',
    word: 'filter',
    about: 'filter the jobs: task:… state:failed error:~timeout age:>1h; Tab completes',
    group: 'Look',
    past: NO_JOBS_OF_THEN,
    views: ['overview', 'jobs', 'errors'],
  },
  {
    verb: 'retry',
    keys: ['r'],
    shown: 'r',
    word: 'retry',
    about: 'run failed jobs again from their first attempt',
    group: 'Change',
    views: JOBS,
    changes: true,
    off: (state) => (chosenFailed(state) ? undefined : noJobs(state)),
  },
  {
    verb: 'discard',
    keys: ['d'],
    shown: 'd',
    word: 'discard',
    about: 'take jobs out of the queue; kept for 30 days',
    group: 'Change',
    views: JOBS,
    changes: true,
    off: (state) => (chosenFailed(state) ? undefined : noJobs(state)),
  },
  {
    verb: 'undo',
    keys: ['u'],
    shown: 'u',
    word: 'undo',
    about: 'restore what was discarded: the selected change, or the last one from here',
    group: 'Change',
    changes: true,
    off: (state) =>
      chosenDiscard(state)
        ? undefined
        : 'nothing was discarded from here: A lists earlier discards, and u undoes one there',
  },
  {
    verb: 'pause',
    keys: ['p'],
    shown: 'p',
    word: 'pause/resume',
    about: 'stop the selected task on every worker, or let it run again',
    group: 'Change',
    views: JOBS,
    changes: true,
    off: (state) => {
      const task = chosenTask(state);
      if (!task) return 'select a task, or a job of it';
      return (TASK_NAMES as string[]).includes(task)
        ? undefined
        : `${task} is not one of donations’ own tasks`;
    },
  },
  {
    verb: 'mark',
    keys: ['space'],
    shown: 'Space',
    word: 'mark',
    about: 'mark a job, and go to the next',
    group: 'Change',
    past: NO_JOBS_OF_THEN,
    views: ['jobs'],
    off: (state) => (rowKeys(state).length > 0 ? undefined : 'there are no jobs here'),
  },
  {
    verb: 'markAll',
    keys: ['a'],
    shown: 'a',
    word: 'all',
    about: 'mark everything that the filter lets through, also beyond this page',
    group: 'Change',
    past: NO_JOBS_OF_THEN,
    views: ['jobs'],
    off: (state) =>
      currentView(state).arg === '' ? 'filter first: everything at once is too much' : undefined,
  },
  {
    verb: 'resolve',
    keys: ['o'],
    shown: 'o',
    word: 'resolve',
    about: 'settle a held receipt: it was sent, or it is to be sent',
    group: 'Change',
    views: ['overview', 'jobs', 'job', 'donation', 'receipts', 'failures'],
    changes: true,
    off: (state) => {
      if (!chosenReceipt(state)) return 'select a receipt, or the job that sends it';
      return isHeld(state) === false ? 'it is not held' : undefined;
    },
  },
  {
    verb: 'resend',
    keys: ['e'],
    shown: 'e',
    word: 'resend',
    about: 'send a receipt again, as a copy',
    group: 'Change',
    views: ['overview', 'jobs', 'job', 'donation', 'receipts', 'failures'],
    changes: true,
    off: (state) =>
      chosenReceipt(state) ? undefined : 'select a receipt, or the job that sends it',
  },
  {
    verb: 'reschedule',
    keys: ['t'],
    shown: 't',
    word: 'reschedule',
    about: 'run waiting jobs at another time; attempts stay',
    group: 'Change',
    views: JOBS,
    changes: true,
    off: (state) => (chosenJobs(state) ? undefined : noJobs(state)),
  },
  {
    verb: 'rescue',
    keys: ['x'],
    shown: 'x',
    word: 'rescue',
    about: 'give the jobs of dead workers back to the queue',
    group: 'Change',
    views: ['overview', 'workers'],
    changes: true,
  },
  {
    verb: 'copy',
    keys: ['y'],
    shown: 'y',
    word: 'copy',
    about: 'copy this view, or the change that is asked about, as a command line',
    group: 'Look',
  },
  {
    verb: 'sort',
    keys: ['s'],
    shown: 's',
    word: 'sort',
    about: 'sort the jobs: by what runs next or failed last, newest, oldest, attempts',
    group: 'Look',
    past: NO_JOBS_OF_THEN,
    views: ['jobs'],
  },
  {
    verb: 'jump',
    keys: [':'],
    shown: ':',
    word: 'go to',
    about: 'go to a view, a job (:4711), a donation (:don_…, a receipt number), a change (:aud_…)',
    group: 'Look',
    past: NO_JOBS_OF_THEN,
  },
  {
    verb: 'state',
    keys: ['1', '2', '3', '4', '5', '6', '0'],
    shown: '1–6 0',
    about: 'jobs that are ready, running, scheduled, retrying, failed, held; 0 all',
    group: 'Look',
    past: NO_JOBS_OF_THEN,
  },
  {
    verb: 'overview',
    keys: ['O'],
    shown: 'O',
    about: 'the overview',
    group: 'Look',
  },
  {
    verb: 'jobs',
    keys: ['J'],
    shown: 'J',
    about: 'the jobs',
    group: 'Look',
    past: NO_JOBS_OF_THEN,
  },
  {
    verb: 'errors',
    keys: ['E'],
    shown: 'E',
    about: 'failures by their cause',
    group: 'Look',
    past: { off: 'donations report groups the errors of a period' },
  },
  { verb: 'workers', keys: ['W'], shown: 'W', about: 'the workers', group: 'Look' },
  {
    verb: 'receipts',
    keys: ['H'],
    shown: 'H',
    about: 'receipts that are held; Tab shows those that failed',
    group: 'Look',
    past: NO_JOBS_OF_THEN,
  },
  { verb: 'audit', keys: ['A'], shown: 'A', about: 'who changed what', group: 'Look' },
  { verb: 'up', keys: ['up', 'k'], shown: '↑ k', about: 'up', group: 'Move' },
  { verb: 'down', keys: ['down', 'j'], shown: '↓ j', about: 'down', group: 'Move' },
  {
    verb: 'pageUp',
    keys: ['pageup', 'ctrl+b'],
    shown: 'PgUp',
    about: 'a page up',
    group: 'Move',
  },
  {
    verb: 'pageDown',
    keys: ['pagedown', 'ctrl+f'],
    shown: 'PgDn',
    about: 'a page down',
    group: 'Move',
  },
  { verb: 'top', keys: ['home', 'g'], shown: 'Home g', about: 'the first row', group: 'Move' },
  { verb: 'bottom', keys: ['end', 'G'], shown: 'End G', about: 'the last row', group: 'Move' },
  {
    verb: 'nextPane',
    keys: ['tab'],
    shown: 'Tab',
    word: 'pane',
    about: 'the next list of the overview; held or failed receipts',
    group: 'Move',
    views: ['overview', 'receipts'],
  },
  {
    verb: 'previousPane',
    keys: ['shift+tab'],
    shown: 'Shift-Tab',
    about: 'the list before',
    group: 'Move',
    views: ['overview', 'receipts'],
  },
  {
    verb: 'shorter',
    keys: ['['],
    shown: '[',
    about: 'a shorter window: 7d, 24h, 6h, 1h, 15m',
    group: 'Charts',
    past: { word: '10 minutes', about: 'ten minutes earlier' },
    views: ['overview'],
    off: ({ window }) => (window === 0 ? 'this is the shortest window' : undefined),
  },
  {
    verb: 'longer',
    keys: [']'],
    shown: ']',
    word: 'window',
    about: 'a longer window: 15m, 1h, 6h, 24h, 7d',
    group: 'Charts',
    past: { word: '10 minutes', about: 'ten minutes later' },
    views: ['overview'],
    off: ({ window }) => (window === 4 ? 'this is the longest window' : undefined),
  },
  {
    verb: 'earlier',
    keys: ['left'],
    shown: '←',
    word: 'minute',
    about: 'put a cursor on the charts, and move it back; Enter lists what failed there',
    group: 'Charts',
    past: { word: 'minute', about: 'a minute earlier' },
    views: ['overview'],
    off: noSamples,
  },
  {
    verb: 'later',
    keys: ['right'],
    shown: '→',
    about: 'move the cursor on',
    group: 'Charts',
    past: { word: 'minute', about: 'a minute later' },
    views: ['overview'],
    off: noSamples,
  },
  {
    verb: 'freeze',
    keys: ['f'],
    shown: 'f',
    about: 'freeze the screen, and let it go on',
    group: 'Monitor',
    past: STANDS_STILL,
  },
  { verb: 'refresh', keys: ['R'], shown: 'R', about: 'look now', group: 'Monitor' },
  {
    verb: 'faster',
    keys: ['+', '='],
    shown: '+',
    about: 'refresh more often without a notice of a change',
    group: 'Monitor',
    past: { word: 'window', about: 'a shorter window of the charts' },
    off: ({ interval }) => (interval === 0 ? 'once a second is the most often' : undefined),
  },
  {
    verb: 'slower',
    keys: ['-'],
    shown: '-',
    about: 'look less often',
    group: 'Monitor',
    past: { word: 'window', about: 'a longer window of the charts' },
    off: ({ interval }) => (interval === 5 ? 'once a minute is the least often' : undefined),
  },
  {
    verb: 'help',
    keys: ['?'],
    shown: '?',
    word: 'help',
    about: 'every key, and why one is off',
    group: 'Monitor',
  },
  {
    verb: 'quit',
    keys: ['q', 'ctrl+c'],
    shown: 'q',
    word: 'quit',
    about: 'back, and on the overview end; Ctrl-C ends at once',
    group: 'Monitor',
  },
  {
    verb: 'suspend',
    keys: ['ctrl+z'],
    shown: 'Ctrl-Z',
    about: 'to the shell; fg comes back',
    group: 'Monitor',
  },
  {
    verb: 'redraw',
    keys: ['ctrl+l'],
    shown: 'Ctrl-L',
    about: 'draw the screen anew',
    group: 'Monitor',
  },
];

function noJobs(state: State): string {
  return currentView(state).name === 'jobs' ? 'there are no jobs here' : 'select a task or jobs';
}

function noSamples({ history }: State): string | undefined {
  return history?.since ? undefined : 'there are no samples yet: a worker makes one a minute';
}

/** Why a key does nothing now; undefined when it works. */
export function whyOff(binding: Binding, state: State): string | undefined {
  if (binding.changes && state.session.readOnly) return state.session.readOnly;
  if (binding.changes && state.link.status === 'lost') return 'the database cannot be reached';
  if (state.past && binding.past && 'off' in binding.past) return binding.past.off;
  if (binding.views && !binding.views.includes(currentView(state).name)) {
    return `it is for ${binding.views.join(', ')}`;
  }
  return state.past && binding.past ? whyOffInPast(binding.verb, state) : binding.off?.(state);
}

function whyOffInPast(verb: Verb, { past, window }: State): string | undefined {
  if (past && past.at >= past.latest && (verb === 'later' || verb === 'longer'))
    return 'later is now: donations monitor';
  if (verb === 'faster' && window === 0) return 'this is the shortest window';
  if (verb === 'slower' && window === WINDOWS.length - 1) return 'this is the longest window';
  return undefined;
}

/** What a key does, as the footer and the help say it: in the past it may be something else. */
export function wordsOf(binding: Binding, { past }: State): Pick<Binding, 'word' | 'about'> {
  return past && binding.past && 'about' in binding.past ? binding.past : binding;
}

/** What a key means; undefined for one without a meaning. */
export const bindingOf = (key: string): Binding | undefined =>
  KEYMAP.find(({ keys }) => keys.includes(key));

/** The keys for the footer, the most useful first: those that work now and have a word. */
export const footerKeys = (state: State): Binding[] =>
  KEYMAP.filter(
    (binding) => wordsOf(binding, state).word !== undefined && whyOff(binding, state) === undefined,
  );

export const GROUPS = ['Move', 'Look', 'Charts', 'Change', 'Monitor'] as const;

/**
 * The keys as the manual has them: Markdown.
 * @internal Exported for the test that compares them.
 */
export function keysAsMarkdown(): string {
  return GROUPS.map((group) => {
    const rows = KEYMAP.filter((binding) => binding.group === group).map(
      ({ shown, about, views }) =>
        `| ${shown
          .split(' ')
          .map((key) => `\`${key.replace('|', '\\|')}\``)
          .join(' ')} | ${about} | ${views ? views.join(', ') : 'everywhere'} |`,
    );
    return [`**${group}**`, '', '| key | | where |', '| --- | --- | --- |', ...rows].join('\n');
  }).join('\n\n');
}
