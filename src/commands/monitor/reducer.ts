import type { Snapshot } from '../../lib/monitor/snapshot.ts';
import { JOB_STATES } from '../../lib/queue/states.ts';
import type { History } from '../../lib/samples/read.ts';
import { copy, open, pressInDialog, undo, withDialog } from './dialogs.ts';
import { bindingOf, type Verb, whyOff } from './keymap.ts';
import {
  changePane,
  keepSelection,
  mark,
  move,
  moveCursor,
  moveMoment,
  pageOf,
  sort,
} from './moves.ts';
import {
  chosenFailed,
  chosenJobs,
  chosenReceipt,
  chosenTask,
  selectedEvent,
  selectedKey,
} from './selection.ts';
import {
  type Confirm,
  type Content,
  contentOf,
  currentView,
  dataKey,
  INTERVALS,
  type Input,
  type Notice,
  newView,
  type State,
  type View,
} from './state.ts';
import { clearMarks, notice, type Step, step, withView } from './step.ts';
import { shellWord } from './text.ts';
import { completeJump, completionsOf, edit, filterError, placeOf } from './typing.ts';
import { WINDOWS } from './windows.ts';

/** What happens to the monitor. */
export type Action =
  | { type: 'key'; key: string }
  | { type: 'text'; text: string }
  | { type: 'resized'; columns: number; rows: number }
  | { type: 'ticked'; now: number; latencyMs: number | undefined }
  | { type: 'snapshot'; snapshot: Snapshot; now: number }
  | { type: 'history'; history: History }
  | { type: 'history failed'; trouble: string }
  | { type: 'content'; key: string; content: Content; now: number }
  | { type: 'content failed'; key: string; trouble: string }
  | { type: 'lost'; error: string }
  | { type: 'planned'; title: string; lines: string[]; confirm: Confirm; total: number }
  | { type: 'progress'; done: number; note: string }
  | { type: 'applied'; lines: string[]; discarded: string | undefined; stopped: boolean }
  | { type: 'refused'; error: string }
  | { type: 'noticed'; tone: Notice['tone']; text: string };

const MINUTE_MS = 60_000;
/** The monitor's next state, and what is to be done. Pure. */
export function reduce(state: State, action: Action): Step {
  switch (action.type) {
    case 'key':
      return press(state, action.key);
    case 'text':
      return typeText(state, action.text);
    case 'resized':
      return step({ ...state, columns: action.columns, rows: action.rows }, { do: 'redraw' });
    case 'ticked': {
      const { now, latencyMs } = action;
      const notice = state.notice && state.notice.until > now ? state.notice : undefined;
      return step({ ...state, now, notice, link: { ...state.link, latencyMs } });
    }
    case 'snapshot':
      return step(withSnapshot(state, action));
    case 'history':
      return step({ ...state, history: action.history, historyTrouble: undefined });
    case 'history failed':
      return step({ ...state, historyTrouble: action.trouble });
    case 'content':
      return step(
        keepSelection({
          ...state,
          data: withData(state, action.key, {
            content: action.content,
            at: action.now,
            trouble: undefined,
          }),
        }),
      );
    case 'content failed': {
      const before = state.data[action.key];
      return step({
        ...state,
        data: withData(state, action.key, {
          content: before?.content,
          at: before?.at,
          trouble: action.trouble,
        }),
      });
    }
    case 'lost':
      if (state.link.status === 'lost')
        return step({ ...state, link: { ...state.link, error: action.error } });
      return step({
        ...state,
        link: { status: 'lost', since: state.now, error: action.error, latencyMs: undefined },
      });
    case 'planned': {
      if (!state.dialog) return step(state);
      const { title, lines, confirm, total } = action;
      return step(
        withDialog(state, { phase: 'confirming', title, lines, confirm, total, typed: '' }),
      );
    }
    case 'progress':
      return step(withDialog(state, { done: action.done, error: action.note || undefined }));
    case 'applied': {
      const lastDiscard = action.discarded ?? state.lastDiscard;
      const done = withDialog(state, { phase: 'done', lines: action.lines, error: undefined });
      return step({ ...clearMarks(done), lastDiscard }, { do: 'refresh' });
    }
    case 'refused':
      return step(withDialog(state, { phase: 'failed', error: action.error }), { do: 'refresh' });
    case 'noticed':
      return step(notice(state, action.tone, action.text));
  }
}

/** Keeps what the views on the way need, and no more. */
function withData(state: State, key: string, dataset: State['data'][string]): State['data'] {
  const needed = new Set(state.views.map(dataKey));
  const kept = Object.entries(state.data).filter(([name]) => needed.has(name));
  return { ...Object.fromEntries(kept), ...(needed.has(key) ? { [key]: dataset } : {}) };
}

function withSnapshot(
  state: State,
  { snapshot, now }: Extract<Action, { type: 'snapshot' }>,
): State {
  const { link } = state;
  const live: State['link'] =
    link.status === 'live'
      ? link
      : { status: 'live', since: now, error: undefined, latencyMs: undefined };
  if (state.frozen) return { ...state, link: live, now };
  return keepSelection({ ...state, snapshot, now, link: live });
}

// Keys.

function press(state: State, key: string): Step {
  if (key === 'ctrl+z') return step(state, { do: 'suspend' });
  if (key === 'ctrl+l') return step(state, { do: 'redraw' });
  // A change that runs is stopped first: at a whole chunk.
  if (key === 'ctrl+c' && state.dialog?.phase !== 'running') return step(state, { do: 'quit' });
  if (state.dialog) return pressInDialog(state, state.dialog, key);
  if (state.input) return pressInInput(state, state.input, key);
  if (state.help !== undefined) return pressInHelp(state, state.help, key);
  const binding = bindingOf(key);
  if (!binding)
    return step(notice(state, 'warn', `${nameOf(key)} has no meaning here; ? lists the keys`));
  const off = whyOff(binding, state);
  if (off) return step(notice(state, 'warn', `${binding.shown.split(' ')[0]}: ${off}`));
  return perform({ ...state, notice: undefined }, binding.verb, key);
}

const nameOf = (key: string) => (key.length === 1 ? `“${key}”` : key);

/** Text that came at once: typed fast, or pasted. */
function typeText(state: State, text: string): Step {
  if (state.input || state.dialog) {
    let now = step(state);
    for (const letter of text) {
      const key = letter === ' ' ? 'space' : letter === '\r' || letter === '\n' ? 'return' : letter;
      const next = press(now.state, key);
      now = { state: next.state, effects: [...now.effects, ...next.effects] };
    }
    return now;
  }
  return step(state);
}

function pressInHelp(state: State, from: number, key: string): Step {
  const moves: Record<string, number> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    pageup: -10,
    pagedown: 10,
    space: 10,
  };
  const by = moves[key];
  if (by !== undefined) return step({ ...state, help: Math.max(0, from + by) });
  if (key === 'g' || key === 'home') return step({ ...state, help: 0 });
  return step({ ...state, help: undefined });
}

function pressInInput(state: State, input: Input, key: string): Step {
  const set = (change: Partial<Input>) =>
    step({ ...state, input: { ...input, error: undefined, ...change } });
  if (key === 'escape') return step({ ...state, input: undefined });
  if (key === 'return') return enterInput(state, input);
  const offered = completionsOf(state, input);
  if (key === 'tab') {
    const picked = offered[Math.min(input.chosen, offered.length - 1)];
    return picked ? set({ text: picked.text, chosen: 0 }) : step(state);
  }
  if (key === 'down' || key === 'up') {
    const by = key === 'down' ? 1 : -1;
    const chosen = Math.max(0, Math.min(offered.length - 1, input.chosen + by));
    return set({ chosen });
  }
  if (input.text === '' && key === 'backspace') return step({ ...state, input: undefined });
  const text = edit(input.text, key);
  return text === undefined ? step(state) : set({ text, chosen: 0 });
}

function enterInput(state: State, { kind, text, chosen }: Input): Step {
  const closed = { ...state, input: undefined };
  if (kind === 'filter') {
    const error = filterError(text);
    if (error) return step({ ...state, input: { kind, text, chosen, error } });
    return step(showFilter(closed, text.trim()), { do: 'refresh' });
  }
  if (/^(q|quit|exit)$/.test(text.trim())) return step(closed, { do: 'quit' });
  if (text.trim() === '') return step(closed);
  const place = placeOf(text) ?? placeOf(completeJump(text)[chosen]?.text ?? '');
  if (!place) {
    const error = `nothing is called “${text.trim()}”`;
    return step({ ...state, input: { kind, text, chosen, error } });
  }
  return goTo(closed, place);
}

/** Jobs of a filter: in the place of the jobs that are shown, or a view further. */
function showFilter(state: State, filter: string): State {
  const view = newView('jobs', filter);
  return currentView(state).name === 'jobs'
    ? { ...state, views: [...state.views.slice(0, -1), view] }
    : { ...state, views: [...state.views, view] };
}

// What keys do.

function perform(state: State, verb: Verb, key: string): Step {
  switch (verb) {
    case 'up':
      return move(state, -1);
    case 'down':
      return move(state, 1);
    case 'pageUp':
      return move(state, -pageOf(state));
    case 'pageDown':
      return move(state, pageOf(state));
    case 'top':
      return move(state, Number.NEGATIVE_INFINITY);
    case 'bottom':
      return move(state, Number.POSITIVE_INFINITY);
    case 'nextPane':
      return changePane(state, 1);
    case 'previousPane':
      return changePane(state, -1);
    case 'enter':
      return enter(state);
    case 'back':
      return back(state);
    case 'quit':
      return state.views.length > 1 && key === 'q' ? back(state) : step(state, { do: 'quit' });
    case 'state': {
      const name = JOB_STATES[Number(key) - 1];
      return goTo(state, newView('jobs', name ? `state:${name}` : ''));
    }
    case 'overview':
      return step({ ...state, views: state.views.slice(0, 1) }, { do: 'refresh' });
    case 'jobs':
    case 'errors':
    case 'workers':
    case 'audit':
      return goTo(state, newView(verb));
    case 'receipts':
      return goTo(state, newView('receipts', 'held'));
    case 'filter': {
      const { name, arg } = currentView(state);
      const text = name === 'jobs' && arg !== '' ? `${arg} ` : '';
      return step({ ...state, input: { kind: 'filter', text, chosen: 0, error: undefined } });
    }
    case 'jump':
      return step({ ...state, input: { kind: 'jump', text: '', chosen: 0, error: undefined } });
    case 'sort':
      return sort(state);
    case 'shorter':
    case 'longer': {
      if (state.past) return moveMoment(state, (verb === 'longer' ? 10 : -10) * MINUTE_MS);
      const window = state.window + (verb === 'longer' ? 1 : -1);
      return step({ ...state, window, cursor: undefined }, { do: 'refresh' });
    }
    case 'earlier':
      return state.past ? moveMoment(state, -MINUTE_MS) : moveCursor(state, -1);
    case 'later':
      return state.past ? moveMoment(state, MINUTE_MS) : moveCursor(state, 1);
    case 'mark':
      return mark(state);
    case 'markAll': {
      const { all } = currentView(state);
      return step(withView(state, { all: !all, marks: [] }));
    }
    case 'retry':
      return open(state, { kind: 'retry', filter: chosenFailed(state) ?? '' });
    case 'discard':
      return open(state, { kind: 'discard', filter: chosenFailed(state) ?? '' });
    case 'reschedule':
      return open(state, { kind: 'reschedule', filter: chosenJobs(state) ?? '', when: '' });
    case 'undo':
      return undo(state);
    case 'pause': {
      const task = chosenTask(state) ?? '';
      const paused = state.snapshot?.tasks.value?.pauses.some((pause) => pause.task === task);
      return open(state, paused ? { kind: 'resume', task } : { kind: 'pause', task, forTime: '' });
    }
    case 'rescue':
      return open(state, { kind: 'rescue', worker: deadWorker(state) });
    case 'resolve':
      return open(state, { kind: 'resolve', ref: chosenReceipt(state) ?? '', outcome: undefined });
    case 'resend':
      return open(state, { kind: 'resend', ref: chosenReceipt(state) ?? '' });
    case 'copy':
      return copy(state, commandOfView(state));
    case 'refresh':
      return step(state, { do: 'refresh' });
    case 'freeze':
      return step(
        { ...state, frozen: !state.frozen },
        ...(state.frozen ? [{ do: 'refresh' } as const] : []),
      );
    case 'faster':
    case 'slower': {
      if (state.past)
        return step(
          { ...state, window: state.window + (verb === 'faster' ? -1 : 1) },
          { do: 'refresh' },
        );
      const interval = state.interval + (verb === 'faster' ? -1 : 1);
      const seconds = (INTERVALS[interval] as number) / 1000;
      return step(
        notice(
          { ...state, interval },
          'good',
          `looks every ${seconds} s, and whenever something changes`,
        ),
      );
    }
    case 'help':
      return step({ ...state, help: 0 });
    case 'suspend':
      return step(state, { do: 'suspend' });
    case 'redraw':
      return step(state, { do: 'redraw' });
  }
}

/** Lists begin a way of their own from the overview; one job or donation is a step further. */
const LISTS = ['jobs', 'errors', 'workers', 'receipts', 'audit'];

const goTo = (state: State, view: View): Step => {
  const from = LISTS.includes(view.name) ? state.views.slice(0, 1) : state.views;
  const views = view.name === 'overview' ? state.views.slice(0, 1) : [...from, view];
  return step({ ...state, views, cursor: undefined }, { do: 'refresh' });
};

function back(state: State): Step {
  const view = currentView(state);
  if (view.name === 'overview' && state.cursor !== undefined)
    return step({ ...state, cursor: undefined });
  if (view.marks.length > 0 || view.all) return step(clearMarks(state));
  if (state.views.length === 1) return step(state);
  return step({ ...state, views: state.views.slice(0, -1) }, { do: 'refresh' });
}

/** Where Enter leads. */
function enter(state: State): Step {
  const view = currentView(state);
  const key = selectedKey(state);
  if (view.name === 'overview' && state.cursor !== undefined) {
    const from = Date.parse(state.cursor);
    const to = from + (state.history?.stepMs ?? 60_000);
    const arg = `${new Date(from).toISOString()}/${new Date(to).toISOString()}`;
    return step({ ...state, views: [...state.views, newView('failures', arg)] }, { do: 'refresh' });
  }
  const into = insideOf(state, view, key);
  if (!into) return step(state);
  return step({ ...state, views: [...state.views, into] }, { do: 'refresh' });
}

function insideOf(state: State, view: View, key: string | undefined): View | undefined {
  switch (view.name) {
    case 'overview': {
      if (state.past && (view.pane === 'tasks' || view.pane === 'states'))
        return failuresBefore(state, state.past.at);
      if (view.pane === 'tasks') return newView('jobs', `task:${key}`);
      if (view.pane === 'states') return newView('jobs', `state:${key}`);
      if (view.pane === 'workers')
        return state.past ? newView('workers') : newView('jobs', `worker:${key} state:running`);
      const event = selectedEvent(state);
      if (event?.audit) return newView('change', event.audit);
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
    case 'audit':
      return key ? newView('change', key) : undefined;
    case 'change':
      return undefined;
  }
}

/** What went wrong in the window of the charts that ends at a moment. */
function failuresBefore({ window }: State, at: number): View {
  const from = at - (WINDOWS[window]?.ms ?? 0);
  return newView('failures', `${new Date(from).toISOString()}/${new Date(at).toISOString()}`);
}

/** A worker that is selected and gone; else all that are gone are meant. */
function deadWorker(state: State): string | undefined {
  const view = currentView(state);
  const isList = view.name === 'workers' || (view.name === 'overview' && view.pane === 'workers');
  const key = isList ? selectedKey(state) : undefined;
  const worker = state.snapshot?.workers.value?.find(({ id }) => id === key);
  return worker?.state === 'gone' ? worker.id : undefined;
}

/** The command line that shows what a view shows. */
function commandOfView(state: State): string {
  const { name, arg, sort: order } = currentView(state);
  switch (name) {
    case 'overview':
      return state.past
        ? `donations monitor --at ${new Date(state.past.at).toISOString()}`
        : 'donations jobs stats';
    case 'jobs': {
      const sorted = order ? ` --sort ${order}` : '';
      return `donations jobs list${arg ? ` ${shellWord(arg)}` : ''}${sorted}`;
    }
    case 'errors':
      return 'donations jobs errors';
    case 'failures':
      return `donations jobs errors --since ${shellWord(sinceOf(state, arg))}`;
    case 'job':
      return `donations jobs show ${arg}`;
    case 'donation':
      return `donations show ${shellWord(arg)}`;
    case 'workers':
      return 'donations worker list';
    case 'receipts':
      return `donations receipts list --${arg}`;
    case 'audit':
      return 'donations audit';
    case 'change':
      return `donations audit show ${arg}`;
  }
}

const sinceOf = ({ now }: State, arg: string) =>
  `${Math.max(1, Math.ceil((now - Date.parse(arg.split('/')[0] as string)) / 60_000))}m`;
