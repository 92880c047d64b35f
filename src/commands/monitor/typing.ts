import { JOB_STATES } from '../../lib/queue/states.ts';
import { type Completion, completeFilter, filterError, filteredIn } from './filters.ts';
import { HELD, type Input, newView, type State, type View } from './state.ts';

const PLACES: { word: string; about: string; view: () => View }[] = [
  { word: 'overview', about: 'everything at a glance', view: () => newView('overview') },
  { word: 'jobs', about: 'all jobs; :jobs FILTER those of a filter', view: () => newView('jobs') },
  ...JOB_STATES.map((state) => ({
    word: state as string,
    about: `jobs that are ${state}`,
    view: () => newView('jobs', `state:${state}`),
  })),
  {
    word: 'stuck',
    about: 'running, but its worker is gone',
    view: () => newView('jobs', 'state:stuck'),
  },
  { word: 'errors', about: 'failures by their cause', view: () => newView('errors') },
  { word: 'workers', about: 'the workers', view: () => newView('workers') },
  { word: 'receipts', about: 'receipts that are held', view: () => newView('receipts', HELD) },
  {
    word: 'alerts',
    about: 'incidents: open ones, and those of the last days',
    view: () => newView('alerts'),
  },
  { word: 'incidents', about: 'the same as alerts', view: () => newView('alerts') },
  { word: 'audit', about: 'who changed what', view: () => newView('audit') },
];

/** Where a typed word leads: a view, or undefined for none. */
export function placeOf(text: string): View | undefined {
  const [word = '', ...rest] = text.trim().split(/\s+/);
  const found = PLACES.find((place) => place.word === word);
  if (found && rest.length > 0 && found.word === filteredIn(found.word))
    return newView(found.word, rest.join(' '));
  if (found) return found.view();
  if (/^\d{1,18}$/.test(word)) return newView('job', word);
  if (/^aud_/.test(word)) return newView('change', word);
  if (/^inc_/.test(word)) return newView('incident', word);
  if (/^wrk_/.test(word)) return newView('jobs', `worker:${word}`);
  if (/^(don|rcp|dlv|pi)_/.test(word) || /^\S+-\d+$/.test(word)) return newView('donation', word);
  // A filter, as people type it.
  if (word.includes(':') && filterError('jobs', text) === undefined)
    return newView('jobs', text.trim());
  return undefined;
}

/** How a jump that is being typed can go on. */
export const completeJump = (text: string): Completion[] =>
  PLACES.filter(({ word }) => word.startsWith(text.trim())).map(({ word, about }) => ({
    text: word,
    word,
    about,
  }));

export const JUMP_HINT = 'a view, a job’s number, don_…, a receipt’s number, pi_…, inc_…, aud_…';

const isLetter = (key: string) => [...key].length === 1;

/** The text after a key; undefined when the key types nothing. */
export function edit(text: string, key: string): string | undefined {
  if (key === 'backspace' || key === 'delete') return [...text].slice(0, -1).join('');
  if (key === 'ctrl+u') return '';
  if (key === 'ctrl+w') return text.trimEnd().replace(/\S+$/, '');
  if (key === 'space') return `${text} `;
  return isLetter(key) ? text + key : undefined;
}

/** How the text that is being typed can go on. */
export const completionsOf = (state: State, { kind, of, text }: Input) =>
  kind === 'filter'
    ? completeFilter(
        of,
        text,
        (state.snapshot?.tasks.value?.rows ?? []).map(({ task }) => task).sort(),
      )
    : completeJump(text);
