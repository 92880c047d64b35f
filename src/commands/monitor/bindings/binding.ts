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
  /** The word for the footer. A key without one is listed in the help only. */
  word?: string;
  about: string;
  group: (typeof GROUPS)[number];
  /** The views where it works; all views if undefined. */
  views?: ViewName[];
  /** Whether it changes something. Such keys are off with --read-only. */
  changes?: true;
  /** What it does in `monitor --at`, if it differs; or why it is off there. */
  past?: { word: string; about: string } | { off: string };
  /** Why it does nothing now; undefined when it works. */
  off?: (state: State) => string | undefined;
}

/** Groups of the help and the manual, in their order. */
export const GROUPS = ['Move', 'Look', 'Charts', 'Change', 'Monitor'] as const;

/** The ledger keeps what went wrong; it does not keep which jobs were waiting. */
export const NO_JOBS_OF_THEN = {
  off: 'the history does not record which jobs waited; Enter on a task lists what went wrong',
};
