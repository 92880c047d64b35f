import type { Request } from './requests.ts';
import { currentView, type Notice, type State, type View } from './state.ts';

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

/** The next state, and what is to be done. */
export interface Step {
  state: State;
  effects: Effect[];
}

const NOTICE_MS = 6000;

export const step = (state: State, ...effects: Effect[]): Step => ({ state, effects });

export const notice = (state: State, tone: Notice['tone'], text: string): State => ({
  ...state,
  notice: { tone, text, until: state.now + NOTICE_MS },
});

export const withView = (state: State, change: Partial<View>): State => ({
  ...state,
  views: [...state.views.slice(0, -1), { ...currentView(state), ...change }],
});

export const clearMarks = (state: State): State =>
  state.views.length > 0 ? withView(state, { marks: [], all: false }) : state;
