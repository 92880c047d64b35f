import { TASK_NAMES } from '../../../lib/queue/tasks.ts';
import {
  chosenDiscard,
  chosenFailed,
  chosenIncident,
  chosenJobs,
  chosenReceipt,
  chosenTask,
  isHeld,
  rowKeys,
} from '../selection.ts';
import { currentView, type State, type ViewName } from '../state.ts';
import { type Binding, NO_JOBS_OF_THEN } from './binding.ts';

const ALERTS: ViewName[] = ['overview', 'alerts', 'incident'];
const JOBS: ViewName[] = ['overview', 'jobs', 'errors', 'job', 'failures'];

/** Keys that change the queue, receipts or alerts, or choose what is changed. */
export const CHANGING: Binding[] = [
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
    verb: 'acknowledge',
    keys: ['c'],
    shown: 'c',
    word: 'acknowledge',
    about:
      'acknowledge an incident, for a time or until it is over: no reminders, unless it gets worse',
    group: 'Change',
    views: ALERTS,
    changes: true,
    off: noOpenIncident,
  },
  {
    verb: 'silence',
    keys: ['m'],
    shown: 'm',
    word: 'silence',
    about: 'silence the rule and task of the incident for a time, or end the silence',
    group: 'Change',
    views: ALERTS,
    changes: true,
    off: noOpenIncident,
  },
];

function noJobs(state: State): string {
  return currentView(state).name === 'jobs' ? 'there are no jobs here' : 'select a task or jobs';
}

function noOpenIncident(state: State): string | undefined {
  const incident = chosenIncident(state);
  if (!incident) return 'select an open incident: I lists them';
  return incident.isOver ? 'it is over' : undefined;
}
