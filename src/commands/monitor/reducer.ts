import type { Snapshot } from '../../lib/monitor/snapshot.ts';
import type { History } from '../../lib/samples/read.ts';
import { withDialog } from './dialogs.ts';
import { keepSelection } from './moves.ts';
import { press, typeText } from './press.ts';
import { type Confirm, type Content, dataKey, type Notice, type State } from './state.ts';
import { clearMarks, notice, type Step, step } from './step.ts';

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
