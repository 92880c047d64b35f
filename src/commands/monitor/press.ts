import { pressInDialog } from './dialogs.ts';
import { type Filtered, filterError } from './filters.ts';
import { bindingOf, whyOff } from './keymap.ts';
import { perform } from './perform.ts';
import { goTo } from './places.ts';
import { currentView, type Input, newView, type State } from './state.ts';
import { notice, type Step, step } from './step.ts';
import { completeJump, completionsOf, edit, placeOf } from './typing.ts';

/** The state after a key, wherever the monitor is. */
export function press(state: State, key: string): Step {
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

/** Several characters at once: typed fast, or pasted. */
export function typeText(state: State, text: string): Step {
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

function enterInput(state: State, input: Input): Step {
  const { kind, of, text, chosen } = input;
  const closed = { ...state, input: undefined };
  if (kind === 'filter') {
    const error = filterError(of, text);
    if (error) return step({ ...state, input: { ...input, error } });
    return step(showFilter(closed, of, text.trim()), { do: 'refresh' });
  }
  if (/^(q|quit|exit)$/.test(text.trim())) return step(closed, { do: 'quit' });
  if (text.trim() === '') return step(closed);
  const place = placeOf(text) ?? placeOf(completeJump(text)[chosen]?.text ?? '');
  if (!place) {
    const error = `nothing is called “${text.trim()}”`;
    return step({ ...state, input: { ...input, error } });
  }
  return goTo(closed, place);
}

/** Shows the rows of a filter: in this view, or in a new one. */
function showFilter(state: State, of: Filtered, filter: string): State {
  const view = newView(of, filter);
  return currentView(state).name === of
    ? { ...state, views: [...state.views.slice(0, -1), view] }
    : { ...state, views: [...state.views, view] };
}
