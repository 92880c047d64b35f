import { selectedEvent, selectedKey } from './selection.ts';
import { contentOf, currentView, newView, type State, type View } from './state.ts';
import { clearMarks, type Step, step } from './step.ts';
import { WINDOWS } from './windows.ts';

const MINUTE_MS = 60_000;

/** A list starts a new path from the overview. One job or donation adds a step to the path. */
const LISTS = ['jobs', 'errors', 'workers', 'receipts', 'alerts', 'audit'];

export const goTo = (state: State, view: View): Step => {
  const from = LISTS.includes(view.name) ? state.views.slice(0, 1) : state.views;
  const views = view.name === 'overview' ? state.views.slice(0, 1) : [...from, view];
  return step({ ...state, views, cursor: undefined }, { do: 'refresh' });
};

/** Goes back one step. */
export function back(state: State): Step {
  const view = currentView(state);
  if (view.name === 'overview' && state.cursor !== undefined)
    return step({ ...state, cursor: undefined });
  if (view.marks.length > 0 || view.all) return step(clearMarks(state));
  if (state.views.length === 1) return step(state);
  return step({ ...state, views: state.views.slice(0, -1) }, { do: 'refresh' });
}

/** Opens the selected row. */
export function enter(state: State): Step {
  const into = insideOf(state);
  if (!into) return step(state);
  return step({ ...state, views: [...state.views, into] }, { do: 'refresh' });
}

/** The view that Enter opens; undefined when there is none. */
export function insideOf(state: State): View | undefined {
  const view = currentView(state);
  if (view.name === 'overview' && state.cursor !== undefined) {
    const from = Date.parse(state.cursor);
    return failuresBetween(from, from + (state.history?.stepMs ?? MINUTE_MS));
  }
  return rowOf(state, view, selectedKey(state));
}

function rowOf(state: State, view: View, key: string | undefined): View | undefined {
  switch (view.name) {
    case 'overview': {
      if (key === undefined) return undefined;
      if (state.past && (view.pane === 'tasks' || view.pane === 'states'))
        return failuresBefore(state, state.past.at);
      if (view.pane === 'tasks') return newView('jobs', `task:${key}`);
      if (view.pane === 'states') return newView('jobs', `state:${key}`);
      if (view.pane === 'workers')
        return state.past ? newView('workers') : newView('jobs', `worker:${key} state:running`);
      const event = selectedEvent(state);
      if (event?.audit) return newView('change', event.audit);
      if (event?.incident) return newView('incident', event.incident);
      if (event?.job) return newView('job', event.job);
      return event ? newView('workers') : undefined;
    }
    case 'jobs':
      return key ? newView('job', key) : undefined;
    case 'failures':
      return key ? newView('job', key.split(' ')[0] as string) : undefined;
    case 'errors': {
      const group = contentOf(state, 'errors')?.found.groups.find(
        ({ fingerprint }) => fingerprint === key,
      );
      return group ? newView('jobs', group.filter) : undefined;
    }
    case 'job': {
      const donation = contentOf(state, 'job')?.detail.donation;
      return donation ? newView('donation', donation) : undefined;
    }
    case 'donation': {
      const job = contentOf(state, 'donation')?.story.jobs[0];
      return job ? newView('job', job.id) : undefined;
    }
    case 'workers':
      return key && !state.past ? newView('jobs', `worker:${key} state:running`) : undefined;
    case 'receipts': {
      const row = contentOf(state, 'receipts')?.rows.find(({ delivery }) => delivery === key);
      return row ? newView('donation', row.donation) : undefined;
    }
    case 'alerts':
      return key ? newView('incident', key) : undefined;
    case 'audit':
      return key ? newView('change', key) : undefined;
    case 'incident':
    case 'change':
      return undefined;
  }
}

/** What went wrong in the window of the charts that ends at a moment. */
const failuresBefore = ({ window }: State, at: number): View =>
  failuresBetween(at - (WINDOWS[window]?.ms ?? 0), at);

const failuresBetween = (from: number, to: number): View =>
  newView('failures', `${new Date(from).toISOString()}/${new Date(to).toISOString()}`);
