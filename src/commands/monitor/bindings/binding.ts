import type { State, ViewName } from '../state.ts';

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
  | 'alerts'
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
  | 'acknowledge'
  | 'silence'
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
  group: (typeof GROUPS)[number];
  /** Where it means something; everywhere without. */
  views?: ViewName[];
  /** Whether it changes something: not with --read-only. */
  changes?: true;
  /** What it does in the past, if that is something else; or why it does nothing there. */
  past?: { word: string; about: string } | { off: string };
  /** Why it does nothing now; undefined when it works. */
  off?: (state: State) => string | undefined;
}

/** Groups of the help and the manual, in their order. */
export const GROUPS = ['Move', 'Look', 'Charts', 'Change', 'Monitor'] as const;

/** Which jobs there were is not kept; what went wrong is. */
export const NO_JOBS_OF_THEN = {
  off: 'history does not hold which jobs there were; Enter on a task lists what went wrong',
};
