import { UserError } from '../../lib/errors.ts';
import type { Snapshot } from '../../lib/monitor/snapshot.ts';
import { parseDuration } from '../../lib/parse.ts';
import type { Sort } from '../../lib/queue/read/list.ts';
import { JOB_STATES } from '../../lib/queue/states.ts';
import type { History } from '../../lib/samples/read.ts';
import { bindingOf, type Verb, whyOff } from './keymap.ts';
import { commandOf, type Request } from './requests.ts';
import {
  chosenDiscard,
  chosenFailed,
  chosenJobs,
  chosenReceipt,
  chosenTask,
  rowKeys,
  selectedEvent,
  selectedKey,
} from './selection.ts';
import {
  type Confirm,
  type Content,
  contentOf,
  currentView,
  type Dialog,
  dataKey,
  INTERVALS,
  type Input,
  MOST_ROWS,
  type Notice,
  newView,
  PAGE,
  PANES,
  type State,
  type View,
} from './state.ts';
import { shellWord } from './text.ts';
import { completeFilter, completeJump, filterError, placeOf } from './typing.ts';
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

/** What the monitor does outside of its state. */
export type Effect =
  | { do: 'quit' }
  | { do: 'suspend' }
  | { do: 'redraw' }
  | { do: 'refresh' }
  | { do: 'copy'; text: string }
  | { do: 'plan'; request: Request }
  | { do: 'apply'; request: Request }
  | { do: 'stop' };

export interface Step {
  state: State;
  effects: Effect[];
}

const NOTICE_MS = 6000;
const MINUTE_MS = 60_000;
/** Of an hour all minutes are there; of a longer window as many as the terminal has columns. */
const step = (state: State, ...effects: Effect[]): Step => ({ state, effects });

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

const notice = (state: State, tone: Notice['tone'], text: string): State => ({
  ...state,
  notice: { tone, text, until: state.now + NOTICE_MS },
});

const withDialog = (state: State, change: Partial<Dialog>): State =>
  state.dialog ? { ...state, dialog: { ...state.dialog, ...change } } : state;

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

/** Rows come and go: the selected one stays selected, wherever it is now. */
function keepSelection(state: State): State {
  const view = currentView(state);
  const keys = rowKeys(state, view);
  if (keys.length === 0) return state;
  // A user at the top looks at the top, not at the row that was there.
  const found = view.key === undefined || view.selected === 0 ? -1 : keys.indexOf(view.key);
  const selected = found >= 0 ? found : Math.min(view.selected, keys.length - 1);
  return withView(state, { selected, key: keys[selected] });
}

const withView = (state: State, change: Partial<View>): State => ({
  ...state,
  views: [...state.views.slice(0, -1), { ...currentView(state), ...change }],
});

const clearMarks = (state: State): State =>
  state.views.length > 0 ? withView(state, { marks: [], all: false }) : state;

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

const isLetter = (key: string) => [...key].length === 1;

function edit(text: string, key: string): string | undefined {
  if (key === 'backspace' || key === 'delete') return [...text].slice(0, -1).join('');
  if (key === 'ctrl+u') return '';
  if (key === 'ctrl+w') return text.trimEnd().replace(/\S+$/, '');
  if (key === 'space') return `${text} `;
  return isLetter(key) ? text + key : undefined;
}

export const completionsOf = (state: State, { kind, text }: Input) =>
  kind === 'filter'
    ? completeFilter(text, (state.snapshot?.tasks.value?.rows ?? []).map(({ task }) => task).sort())
    : completeJump(text);

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

// Dialogs.

function pressInDialog(state: State, dialog: Dialog, key: string): Step {
  const close = step({ ...state, dialog: undefined });
  switch (dialog.phase) {
    case 'done':
    case 'failed':
      return key === 'u' && dialog.phase === 'done' && dialog.request.kind === 'discard'
        ? undo(close.state)
        : close;
    case 'running':
      if (key !== 'escape' && key !== 'ctrl+c') return step(state);
      return step(withDialog(state, { phase: 'stopping' }), { do: 'stop' });
    case 'stopping':
      return step(state);
    case 'planning':
      return key === 'escape' ? step({ ...state, dialog: undefined }, { do: 'stop' }) : step(state);
    case 'asking':
      return pressInQuestion(state, dialog, key);
    case 'confirming':
      return pressInConfirm(state, dialog, key);
  }
}

function pressInQuestion(state: State, dialog: Dialog, key: string): Step {
  if (key === 'escape') return step({ ...state, dialog: undefined });
  if (key !== 'return') {
    const typed = edit(dialog.typed, key);
    return typed === undefined ? step(state) : step(withDialog(state, { typed, error: undefined }));
  }
  const answered = answer(dialog.request, dialog.typed.trim());
  if (typeof answered === 'string') return step(withDialog(state, { error: answered }));
  return plan(state, answered);
}

/** The request with what was typed; or what is wrong with it. */
function answer(request: Request, typed: string): Request | string {
  if (request.kind === 'pause') {
    const error = typed === '' ? undefined : durationError(typed);
    return error ?? { ...request, forTime: typed };
  }
  if (request.kind === 'reschedule') {
    const isTime = /^\d{4}-\d\d-\d\d/.test(typed) && !Number.isNaN(Date.parse(typed));
    const error = typed === '' || typed === 'now' || isTime ? undefined : durationError(typed);
    return error ?? { ...request, when: typed || 'now' };
  }
  return request;
}

function durationError(text: string): string | undefined {
  try {
    parseDuration(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `${error.message}. ${error.hint ?? ''}`;
  }
}

function pressInConfirm(state: State, dialog: Dialog, key: string): Step {
  const { confirm, request } = dialog;
  if (key === 'escape') return step({ ...state, dialog: undefined }, { do: 'stop' });
  const go = (chosen: Request) =>
    step(withDialog(state, { phase: 'running', request: chosen, done: 0, error: undefined }), {
      do: 'apply',
      request: chosen,
    });
  if (confirm.by === 'typing') {
    if (key === 'return') {
      return dialog.typed.trim() === confirm.word
        ? go(request)
        : step(withDialog(state, { error: `type ${confirm.word} to go on, Esc to leave it` }));
    }
    if (key === 'y' && dialog.typed === '') return copy(state, commandOf(request));
    const typed = edit(dialog.typed, key);
    return typed === undefined ? step(state) : step(withDialog(state, { typed, error: undefined }));
  }
  if (confirm.by === 'nothing') return step({ ...state, dialog: undefined });
  if (confirm.by === 'y' && key === 'y') return go(request);
  if (confirm.by === 'enter' && key === 'return') return go(request);
  if (confirm.by === 'choice') {
    const picked = confirm.choices.find((choice) => choice.key === key);
    if (picked && request.kind === 'resolve') return go({ ...request, outcome: picked.outcome });
  }
  if (key === 'y' || key === 'Y') return copy(state, commandOf(request));
  return step(state);
}

function copy(state: State, text: string): Step {
  return step(notice(state, 'good', `copied: ${text}`), { do: 'copy', text });
}

/** Opens the dialog of a change: first what has to be asked, else its plan. */
function open(state: State, request: Request): Step {
  const question = questionOf(request);
  if (!question) return plan(state, request);
  return step({ ...state, dialog: { ...emptyDialog(request), phase: 'asking', question } });
}

const plan = (state: State, request: Request): Step =>
  step(
    { ...state, dialog: { ...emptyDialog(request), phase: 'planning' } },
    { do: 'plan', request },
  );

const emptyDialog = (request: Request): Dialog => ({
  request,
  phase: 'planning',
  question: undefined,
  typed: '',
  error: undefined,
  title: '',
  lines: [],
  confirm: { by: 'nothing' },
  total: 0,
  done: 0,
});

function questionOf(request: Request): Dialog['question'] {
  if (request.kind === 'pause')
    return { label: `Pause ${request.task} for`, hint: '30m, 2h; empty: until it is resumed' };
  if (request.kind === 'reschedule')
    return { label: 'Run them', hint: 'now, in 30m (30m), or 2026-11-24T08:00Z; empty: now' };
  return undefined;
}

function undo(state: State): Step {
  const ref = chosenDiscard(state);
  return ref ? open(state, { kind: 'restore', ref }) : step(state);
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

const pageOf = ({ rows }: State) => Math.max(1, rows - 8);
const isText = ({ name }: View) => name === 'job' || name === 'donation' || name === 'change';

function move(state: State, by: number): Step {
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

function changePane(state: State, by: number): Step {
  const view = currentView(state);
  if (view.name === 'receipts') {
    const arg = view.arg === 'held' ? 'failed' : 'held';
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

function moveCursor(state: State, by: number): Step {
  const buckets = state.history?.buckets ?? [];
  const now = buckets.findIndex(({ at }) => at === state.cursor);
  // Without a cursor it comes in at the right.
  const next = now < 0 ? buckets.length - 1 : Math.max(0, Math.min(buckets.length - 1, now + by));
  return step({ ...state, cursor: buckets[next]?.at });
}

/** Goes to another moment of the past, by so many milliseconds. */
function moveMoment(state: State, by: number): Step {
  const { past } = state;
  if (!past) return step(state);
  const at = Math.min(past.latest, past.at + by);
  return step({ ...state, past: { ...past, at }, now: at }, { do: 'refresh' });
}

function mark(state: State): Step {
  const view = currentView(state);
  const key = selectedKey(state);
  if (!key) return step(state);
  const marks = view.marks.includes(key)
    ? view.marks.filter((each) => each !== key)
    : [...view.marks, key];
  return move(withView(state, { marks, all: false }), 1);
}

const SORTS: (Sort | undefined)[] = [undefined, 'newest', 'oldest', 'attempts'];

function sort(state: State): Step {
  const view = currentView(state);
  const next = SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length];
  const words = next ? `sorted by ${next}` : 'sorted by what runs next, or failed last';
  return step(notice(withView(state, { sort: next, selected: 0, key: undefined }), 'good', words), {
    do: 'refresh',
  });
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
