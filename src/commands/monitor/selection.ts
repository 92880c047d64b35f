import type { Incident } from '../../lib/alerts/incidents.ts';
import type { Silence } from '../../lib/alerts/silences.ts';
import type { SnapshotTask } from '../../lib/monitor/snapshot.ts';
import { JOB_STATES, type JobState } from '../../lib/queue/states.ts';
import { TASK_NAMES } from '../../lib/queue/tasks.ts';
import { contentOf, currentView, type State, type View } from './state.ts';

const NO_JOBS = { ready: 0, running: 0, retrying: 0, scheduled: 0, failed: 0, held: 0 };
const NOT_KNOWN = {
  ...{ ready: null, running: null, retrying: null },
  ...{ scheduled: null, failed: null, held: null },
};

const nothingOf = (task: string, past: boolean): SnapshotTask => ({
  task,
  ...(past ? NOT_KNOWN : NO_JOBS),
  enqueuedPerMinute: 0,
  donePerMinute: 0,
  attempts: 0,
  errorRate: null,
  latency: null,
  duration: null,
  oldestReady: null,
  drainMs: 0,
  readyEstimate: null,
  trend: [],
});

/** The task rows of the overview: all that there are, and those of ours of which there is nothing. */
export function taskRows({ snapshot, past }: State): SnapshotTask[] {
  const found = snapshot?.tasks.value?.rows;
  if (!found) return [];
  const missing = TASK_NAMES.filter((task) => !found.some((row) => row.task === task));
  return [...found, ...missing.map((task) => nothingOf(task, past !== undefined))].sort((a, b) =>
    a.task < b.task ? -1 : 1,
  );
}

/** How many jobs are in a state; null when it is not known. */
export function countOf({ snapshot, past }: State, state: JobState): number | null {
  const known = (snapshot?.tasks.value?.rows ?? []).flatMap((row) => {
    const count = row[state];
    if (count === null) return [];
    return state === 'ready' ? Math.max(count, row.readyEstimate ?? 0) : count;
  });
  return past && known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0);
}

/** Keys of the rows that can be selected; of a view of text a key for each line. */
export function rowKeys(state: State, view = currentView(state)): string[] {
  switch (view.name) {
    case 'overview':
      return paneKeys(state, view);
    case 'jobs':
      return contentOf(state, 'jobs', view)?.page.jobs.map(({ id }) => id) ?? [];
    case 'errors':
      return contentOf(state, 'errors', view)?.found.groups.map((group) => group.fingerprint) ?? [];
    case 'failures':
      return contentOf(state, 'failures', view)?.rows.map(({ job, at }) => `${job} ${at}`) ?? [];
    case 'workers':
      return state.snapshot?.workers.value?.map(({ id }) => id) ?? [];
    case 'receipts':
      return contentOf(state, 'receipts', view)?.rows.map(({ delivery }) => delivery) ?? [];
    case 'alerts':
      return contentOf(state, 'alerts', view)?.incidents.map(({ id }) => id) ?? [];
    case 'audit':
      return contentOf(state, 'audit', view)?.rows.map(({ id }) => id) ?? [];
    case 'job':
    case 'donation':
    case 'incident':
    case 'change':
      return [];
  }
}

function paneKeys(state: State, view: View): string[] {
  const { snapshot } = state;
  switch (view.pane) {
    case 'tasks':
      return taskRows(state).map(({ task }) => task);
    case 'states':
      return [...JOB_STATES];
    case 'workers':
      return snapshot?.workers.value?.map(({ id }) => id) ?? [];
    case 'events':
      return snapshot?.events.value?.map(({ at, text }) => `${at} ${text}`) ?? [];
  }
}

/** The key of the selected row. */
export function selectedKey(state: State): string | undefined {
  const view = currentView(state);
  const keys = rowKeys(state, view);
  return keys[Math.min(view.selected, keys.length - 1)];
}

const withTerm = (filter: string, term: string) => `${filter} ${term}`.trim();

/** The jobs that a key which changes jobs is about, as a filter; undefined when there are none. */
export function chosenJobs(state: State): string | undefined {
  const view = currentView(state);
  const key = selectedKey(state);
  switch (view.name) {
    case 'jobs':
      if (view.all) return view.arg === '' ? undefined : view.arg;
      if (view.marks.length > 0) return `job:${view.marks.join(',')}`;
      return key && `job:${key}`;
    case 'errors':
      return contentOf(state, 'errors')?.found.groups.find((group) => group.fingerprint === key)
        ?.filter;
    case 'job':
      return `job:${view.arg}`;
    case 'failures':
      return key && `job:${key.split(' ')[0]}`;
    case 'overview':
      if (view.pane === 'tasks') return key && `task:${key}`;
      if (view.pane === 'states') return key && `state:${key}`;
      if (view.pane === 'events') {
        const job = selectedEvent(state)?.job;
        return job ? `job:${job}` : undefined;
      }
      return undefined;
    default:
      return undefined;
  }
}

/** The filter of `chosenJobs` with the states that a retry or discard is of when none is named. */
export const chosenFailed = (state: State): string | undefined => {
  const filter = chosenJobs(state);
  if (filter === undefined || /(^|\s)-?(state|job):/.test(filter)) return filter;
  return withTerm(filter, 'state:failed');
};

export const selectedEvent = (state: State) => {
  const view = currentView(state);
  return view.name === 'overview' && view.pane === 'events'
    ? state.snapshot?.events.value?.[view.selected]
    : undefined;
};

/** The task that is selected. */
export function chosenTask(state: State): string | undefined {
  const view = currentView(state);
  const key = selectedKey(state);
  switch (view.name) {
    case 'overview':
      if (view.pane === 'events') return selectedEvent(state)?.task ?? undefined;
      return view.pane === 'tasks' ? key : undefined;
    case 'jobs':
      return contentOf(state, 'jobs')?.page.jobs.find(({ id }) => id === key)?.task;
    case 'job':
      return contentOf(state, 'job')?.detail.task;
    case 'failures':
      return contentOf(state, 'failures')?.rows[view.selected]?.task;
    case 'errors': {
      const group = contentOf(state, 'errors')?.found.groups.find(
        ({ fingerprint }) => fingerprint === key,
      );
      return group?.tasks.length === 1 ? group.tasks[0] : undefined;
    }
    default:
      return undefined;
  }
}

/** By what a receipt is found that is selected; undefined when none is. */
export function chosenReceipt(state: State): string | undefined {
  const view = currentView(state);
  const key = selectedKey(state);
  const ofJob = (task: string | undefined, id: string | undefined) =>
    task === 'send_receipt' ? id : undefined;
  switch (view.name) {
    case 'receipts':
      return key;
    case 'jobs':
      return ofJob(chosenTask(state), key);
    case 'job':
      return ofJob(chosenTask(state), view.arg);
    case 'failures':
      return ofJob(chosenTask(state), key?.split(' ')[0]);
    case 'donation': {
      const story = contentOf(state, 'donation')?.story;
      return story && story.receipts.length > 0 ? story.receipts.at(-1)?.id : undefined;
    }
    case 'overview': {
      const event = selectedEvent(state);
      return ofJob(event?.task ?? undefined, event?.job ?? undefined);
    }
    default:
      return undefined;
  }
}

/** Whether the receipt that is selected is held, as far as is known. */
export function isHeld(state: State): boolean | undefined {
  const view = currentView(state);
  const key = selectedKey(state);
  switch (view.name) {
    case 'receipts':
      return (
        contentOf(state, 'receipts')?.rows.find(({ delivery }) => delivery === key)?.status ===
        'held'
      );
    case 'jobs':
      return contentOf(state, 'jobs')?.page.jobs.find(({ id }) => id === key)?.state === 'held';
    case 'job':
      return contentOf(state, 'job')?.detail.state === 'held';
    case 'donation':
      return contentOf(state, 'donation')?.story.receipts.some(({ deliveries }) =>
        deliveries.some(({ status }) => status === 'held'),
      );
    default:
      return undefined;
  }
}

/** The discard that `u` would undo: the one that is selected, or else the last of this session. */
export function chosenDiscard(state: State): string | undefined {
  const view = currentView(state);
  if (view.name === 'audit') {
    const row = contentOf(state, 'audit')?.rows[view.selected];
    return row?.action === 'jobs.discard' ? row.id : undefined;
  }
  if (view.name === 'change') {
    const entry = contentOf(state, 'change')?.entry;
    return entry?.action === 'jobs.discard' && entry.restorable > 0 ? entry.id : undefined;
  }
  if (view.name === 'job') {
    const detail = contentOf(state, 'job')?.detail;
    if (detail?.state === 'discarded') return detail.id;
  }
  return state.lastDiscard;
}

/** An incident as far as a key needs it. */
export type ChosenIncident = Pick<Incident, 'id' | 'rule' | 'kind' | 'subject'> & {
  isOver: boolean;
};

/** The incident that a key which changes alerts is about; undefined when none is selected. */
export function chosenIncident(state: State): ChosenIncident | undefined {
  const view = currentView(state);
  const found = incidentOf(state, view);
  return found && { ...found, isOver: found.closedAt !== null };
}

function incidentOf(state: State, view: View) {
  switch (view.name) {
    case 'alerts': {
      const key = selectedKey(state);
      return contentOf(state, 'alerts')?.incidents.find(({ id }) => id === key);
    }
    case 'incident':
      return contentOf(state, 'incident')?.story.incident;
    case 'overview': {
      const event = selectedEvent(state);
      return state.snapshot?.alerts.value?.open.find(({ id }) => id === event?.incident);
    }
    default:
      return undefined;
  }
}

/** The silences in force, as far as the view knows them. */
export function silencesOf(state: State): Pick<Silence, 'rule' | 'task'>[] {
  const { name } = currentView(state);
  if (name === 'alerts' || name === 'incident') return contentOf(state, name)?.silences ?? [];
  return state.snapshot?.alerts.value?.silences ?? [];
}
