import { currentView, type State } from './state.ts';
import { shellWord } from './text.ts';

/** The command line that shows what a view shows. */
export function commandOfView(state: State): string {
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
      return `donations receipts list${arg ? ` ${shellWord(arg)}` : ''}`;
    case 'alerts':
      return `donations alerts list${arg ? ` ${shellWord(arg)}` : ''} --since 7d`;
    case 'incident':
      return `donations alerts show ${shellWord(arg)}`;
    case 'audit':
      return 'donations audit';
    case 'change':
      return `donations audit show ${arg}`;
  }
}

const sinceOf = ({ now }: State, arg: string) =>
  `${Math.max(1, Math.ceil((now - Date.parse(arg.split('/')[0] as string)) / 60_000))}m`;
