import { type Binding, GROUPS, type Verb } from './bindings/binding.ts';
import { CHANGING } from './bindings/changing.ts';
import { LOOKING } from './bindings/looking.ts';
import { MOVING } from './bindings/moving.ts';
import { TENDING } from './bindings/tending.ts';
import { currentView, type State } from './state.ts';
import { WINDOWS } from './windows.ts';

/** Every key there is: footer, help, manual and dispatch are made from this. */
export const KEYMAP: Binding[] = [...MOVING, ...LOOKING, ...CHANGING, ...TENDING];

/**
 * The order of the footer. It has room for some keys only, so the most useful are first.
 * @internal Exported for its test.
 */
export const FOOTER: Verb[] = [
  'enter',
  'back',
  'filter',
  'retry',
  'discard',
  'undo',
  'pause',
  'mark',
  'markAll',
  'resolve',
  'resend',
  'reschedule',
  'rescue',
  'acknowledge',
  'silence',
  'copy',
  'sort',
  'jump',
  'nextPane',
  'shorter',
  'longer',
  'earlier',
  'later',
  'faster',
  'slower',
  'help',
  'quit',
];

/** Why a key does nothing now; undefined when it works. */
export function whyOff(binding: Binding, state: State): string | undefined {
  if (binding.changes && state.session.readOnly) return state.session.readOnly;
  if (binding.changes && state.link.status === 'lost') return 'the database cannot be reached';
  if (state.past && binding.past && 'off' in binding.past) return binding.past.off;
  if (binding.views && !binding.views.includes(currentView(state).name)) {
    return `it is for ${binding.views.join(', ')}`;
  }
  return state.past && binding.past ? whyOffInPast(binding.verb, state) : binding.off?.(state);
}

function whyOffInPast(verb: Verb, { past, window }: State): string | undefined {
  if (past && past.at >= past.latest && (verb === 'later' || verb === 'longer'))
    return 'later is now: donations monitor';
  if (verb === 'faster' && window === 0) return 'this is the shortest window';
  if (verb === 'slower' && window === WINDOWS.length - 1) return 'this is the longest window';
  return undefined;
}

/** What a key does, as the footer and the help say it: in the past it may be something else. */
export function wordsOf(binding: Binding, { past }: State): Pick<Binding, 'word' | 'about'> {
  return past && binding.past && 'about' in binding.past ? binding.past : binding;
}

/** What a key means; undefined for one without a meaning. */
export const bindingOf = (key: string): Binding | undefined =>
  KEYMAP.find(({ keys }) => keys.includes(key));

/** The keys for the footer, the most useful first: those that work now and have a word. */
export const footerKeys = (state: State): Binding[] =>
  KEYMAP.filter(
    (binding) => wordsOf(binding, state).word !== undefined && whyOff(binding, state) === undefined,
  ).sort((a, b) => FOOTER.indexOf(a.verb) - FOOTER.indexOf(b.verb));

/**
 * The keys as the manual has them: Markdown.
 * @internal Exported for the test that compares them.
 */
export function keysAsMarkdown(): string {
  return GROUPS.map((group) => {
    const rows = KEYMAP.filter((binding) => binding.group === group).map(
      ({ shown, about, views }) =>
        `| ${shown
          .split(' ')
          .map((key) => `\`${key.replace('|', '\\|')}\``)
          .join(' ')} | ${about} | ${views ? views.join(', ') : 'everywhere'} |`,
    );
    return [`**${group}**`, '', '| key | | where |', '| --- | --- | --- |', ...rows].join('\n');
  }).join('\n\n');
}
