import type { Binding } from './binding.ts';

const STANDS_STILL = { off: 'a past moment does not change' };

/** Keys of the monitor itself. */
export const TENDING: Binding[] = [
  {
    verb: 'freeze',
    keys: ['f'],
    shown: 'f',
    about: 'freeze the screen, or let it go on',
    group: 'Monitor',
    past: STANDS_STILL,
  },
  { verb: 'refresh', keys: ['R'], shown: 'R', about: 'look now', group: 'Monitor' },
  {
    verb: 'faster',
    keys: ['+', '='],
    shown: '+',
    about: 'refresh more often without a notice of a change',
    group: 'Monitor',
    past: { word: 'window', about: 'a shorter window of the charts' },
    off: ({ interval }) => (interval === 0 ? 'once a second is the most often' : undefined),
  },
  {
    verb: 'slower',
    keys: ['-'],
    shown: '-',
    about: 'look less often',
    group: 'Monitor',
    past: { word: 'window', about: 'a longer window of the charts' },
    off: ({ interval }) => (interval === 5 ? 'once a minute is the least often' : undefined),
  },
  {
    verb: 'help',
    keys: ['?'],
    shown: '?',
    word: 'help',
    about: 'every key, and why one is off',
    group: 'Monitor',
  },
  {
    verb: 'quit',
    keys: ['q', 'ctrl+c'],
    shown: 'q',
    word: 'quit',
    about: 'back, and on the overview end; Ctrl-C ends at once',
    group: 'Monitor',
  },
  {
    verb: 'suspend',
    keys: ['ctrl+z'],
    shown: 'Ctrl-Z',
    about: 'to the shell; fg comes back',
    group: 'Monitor',
  },
  {
    verb: 'redraw',
    keys: ['ctrl+l'],
    shown: 'Ctrl-L',
    about: 'draw the screen anew',
    group: 'Monitor',
  },
];
