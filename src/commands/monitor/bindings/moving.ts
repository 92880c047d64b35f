import { insideOf } from '../places.ts';
import type { State } from '../state.ts';
import type { Binding } from './binding.ts';

/** Keys that move on the screen, and keys that move the charts. */
export const MOVING: Binding[] = [
  {
    verb: 'enter',
    keys: ['return'],
    shown: 'Enter',
    word: 'open',
    about: 'go in: a task, a state, a job, a group of errors, an incident, a minute of the charts',
    group: 'Move',
    off: (state) => (insideOf(state) ? undefined : 'there is nothing to open'),
  },
  {
    verb: 'back',
    keys: ['escape'],
    shown: 'Esc',
    word: 'back',
    about: 'back to where you came from; takes a cursor or marks away first',
    group: 'Move',
    off: (state) =>
      state.views.length > 1 || state.cursor !== undefined
        ? undefined
        : 'this is the first view: q ends',
  },
  { verb: 'up', keys: ['up', 'k'], shown: '↑ k', about: 'up', group: 'Move' },
  { verb: 'down', keys: ['down', 'j'], shown: '↓ j', about: 'down', group: 'Move' },
  {
    verb: 'pageUp',
    keys: ['pageup', 'ctrl+b'],
    shown: 'PgUp',
    about: 'a page up',
    group: 'Move',
  },
  {
    verb: 'pageDown',
    keys: ['pagedown', 'ctrl+f'],
    shown: 'PgDn',
    about: 'a page down',
    group: 'Move',
  },
  { verb: 'top', keys: ['home', 'g'], shown: 'Home g', about: 'the first row', group: 'Move' },
  { verb: 'bottom', keys: ['end', 'G'], shown: 'End G', about: 'the last row', group: 'Move' },
  {
    verb: 'nextPane',
    keys: ['tab'],
    shown: 'Tab',
    word: 'pane',
    about: 'the next list of the overview; held or failed receipts',
    group: 'Move',
    views: ['overview', 'receipts'],
  },
  {
    verb: 'previousPane',
    keys: ['shift+tab'],
    shown: 'Shift-Tab',
    about: 'the list before',
    group: 'Move',
    views: ['overview', 'receipts'],
  },
  {
    verb: 'shorter',
    keys: ['['],
    shown: '[',
    about: 'a shorter window: 7d, 24h, 6h, 1h, 15m',
    group: 'Charts',
    past: { word: '10 minutes', about: 'ten minutes earlier' },
    views: ['overview'],
    off: ({ window }) => (window === 0 ? 'this is the shortest window' : undefined),
  },
  {
    verb: 'longer',
    keys: [']'],
    shown: ']',
    word: 'window',
    about: 'a longer window: 15m, 1h, 6h, 24h, 7d',
    group: 'Charts',
    past: { word: '10 minutes', about: 'ten minutes later' },
    views: ['overview'],
    off: ({ window }) => (window === 4 ? 'this is the longest window' : undefined),
  },
  {
    verb: 'earlier',
    keys: ['left'],
    shown: '←',
    word: 'minute',
    about: 'put a cursor on the charts, and move it back; Enter lists what failed there',
    group: 'Charts',
    past: { word: 'minute', about: 'a minute earlier' },
    views: ['overview'],
    off: noSamples,
  },
  {
    verb: 'later',
    keys: ['right'],
    shown: '→',
    about: 'move the cursor on',
    group: 'Charts',
    past: { word: 'minute', about: 'a minute later' },
    views: ['overview'],
    off: noSamples,
  },
];

function noSamples({ history }: State): string | undefined {
  return history?.since ? undefined : 'there are no samples yet: a worker makes one a minute';
}
