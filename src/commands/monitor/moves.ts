import type { Sort } from '../../lib/queue/read/list.ts';
import { rowKeys, selectedKey } from './selection.ts';
import {
  currentView,
  FAILED,
  HELD,
  MOST_ROWS,
  newView,
  PAGE,
  PANES,
  type State,
  type View,
  type ViewName,
} from './state.ts';
import { notice, type Step, step, withView } from './step.ts';

/** Rows come and go: the selected one stays selected, wherever it is now. */
export function keepSelection(state: State): State {
  const view = currentView(state);
  const keys = rowKeys(state, view);
  if (keys.length === 0) return state;
  // A user at the top looks at the top, not at the row that was there.
  const found = view.key === undefined || view.selected === 0 ? -1 : keys.indexOf(view.key);
  const selected = found >= 0 ? found : Math.min(view.selected, keys.length - 1);
  return withView(state, { selected, key: keys[selected] });
}

export const pageOf = ({ rows }: State) => Math.max(1, rows - 8);
const TEXTS: ViewName[] = ['job', 'donation', 'incident', 'change'];
const isText = ({ name }: View) => TEXTS.includes(name);

export function move(state: State, by: number): Step {
  const view = currentView(state);
  if (isText(view)) {
    // How far a text goes is known when it is drawn; there it stops.
    const selected = Math.max(0, Math.min(10_000, view.selected + by));
    return step(withView(state, { selected }));
  }
  const keys = rowKeys(state, view);
  const selected = Math.max(0, Math.min(keys.length - 1, view.selected + by));
  const moved = withView(state, { selected, key: keys[selected] });
  const more = selected >= keys.length - 1 && keys.length >= view.limit && view.limit < MOST_ROWS;
  if (!more || by < 0) return step(moved);
  return step(withView(moved, { limit: Math.min(MOST_ROWS, view.limit + PAGE) }), {
    do: 'refresh',
  });
}

export function changePane(state: State, by: number): Step {
  const view = currentView(state);
  if (view.name === 'receipts') {
    const arg = view.arg === HELD ? FAILED : HELD;
    return step(
      { ...state, views: [...state.views.slice(0, -1), newView('receipts', arg)] },
      { do: 'refresh' },
    );
  }
  const at = (PANES.indexOf(view.pane) + by + PANES.length) % PANES.length;
  const pane = PANES[at] as View['pane'];
  const panes = { ...view.panes, [view.pane]: view.selected };
  return step(
    keepSelection(withView(state, { pane, panes, selected: panes[pane] ?? 0, key: undefined })),
  );
}

export function moveCursor(state: State, by: number): Step {
  const buckets = state.history?.buckets ?? [];
  const now = buckets.findIndex(({ at }) => at === state.cursor);
  // Without a cursor it comes in at the right.
  const next = now < 0 ? buckets.length - 1 : Math.max(0, Math.min(buckets.length - 1, now + by));
  return step({ ...state, cursor: buckets[next]?.at });
}

/** Goes to another moment of the past, by so many milliseconds. */
export function moveMoment(state: State, by: number): Step {
  const { past } = state;
  if (!past) return step(state);
  const at = Math.min(past.latest, past.at + by);
  return step({ ...state, past: { ...past, at }, now: at }, { do: 'refresh' });
}

export function mark(state: State): Step {
  const view = currentView(state);
  const key = selectedKey(state);
  if (!key) return step(state);
  const marks = view.marks.includes(key)
    ? view.marks.filter((each) => each !== key)
    : [...view.marks, key];
  return move(withView(state, { marks, all: false }), 1);
}

const SORTS: (Sort | undefined)[] = [undefined, 'newest', 'oldest', 'attempts'];

export function sort(state: State): Step {
  const view = currentView(state);
  const next = SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length];
  const words = next ? `sorted by ${next}` : 'sorted by what runs next, or failed last';
  return step(notice(withView(state, { sort: next, selected: 0, key: undefined }), 'good', words), {
    do: 'refresh',
  });
}
