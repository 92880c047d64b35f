import { UserError } from '../../lib/errors.ts';
import type { TermFacts } from '../../lib/filter/vocabulary.ts';
import { JOB_TERMS, type JobTerm, parseJobFilter } from '../../lib/queue/read/vocabulary.ts';
import { JOB_STATES } from '../../lib/queue/states.ts';
import { type Input, newView, type State, type View } from './state.ts';

/** What can be typed on. */
export interface Completion {
  /** The whole line with it. */
  text: string;
  word: string;
  about: string;
}

/** How a filter that is being typed can go on: terms, states, tasks. */
function completeFilter(text: string, tasks: string[]): Completion[] {
  const start = text.lastIndexOf(' ') + 1;
  const before = text.slice(0, start);
  const word = text.slice(start).replace(/^-/, '');
  const minus = text.slice(start).startsWith('-') ? '-' : '';
  const colon = word.indexOf(':');
  if (colon < 0) {
    return Object.entries<TermFacts>(JOB_TERMS)
      .filter(([name]) => name.startsWith(word))
      .map(([name, { hasFields, about }]) => {
        const full = hasFields ? `${name}.` : `${name}:`;
        return { text: `${before}${minus}${full}`, word: full, about };
      });
  }
  const name = word.slice(0, colon);
  const values = word.slice(colon + 1);
  const comma = values.lastIndexOf(',') + 1;
  const typed = values.slice(comma);
  const facts: TermFacts | undefined = Object.hasOwn(JOB_TERMS, name)
    ? JOB_TERMS[name as JobTerm]
    : undefined;
  const known = facts?.values ?? (name === 'task' ? tasks : []);
  return known
    .filter((value) => value.startsWith(typed) && value !== typed)
    .map((value) => ({
      text: `${before}${minus}${name}:${values.slice(0, comma)}${value}`,
      word: value,
      about: '',
    }));
}

/** What a filter that is being typed lacks or could have, in a line. */
export function filterHint(text: string): string {
  const word = text.slice(text.lastIndexOf(' ') + 1).replace(/^-/, '');
  const [name = ''] = word.split(/[:.]/);
  if (Object.hasOwn(JOB_TERMS, name)) {
    const { about, example } = JOB_TERMS[name as JobTerm];
    return `${about}; for instance ${example}`;
  }
  return 'terms that must all hold: task:send_receipt state:failed error:~timeout age:>1h';
}

/** What is wrong with a filter, in a line; undefined when nothing is. */
export function filterError(text: string): string | undefined {
  try {
    parseJobFilter(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const allowed = error.hint?.split('^ ').at(-1);
    return `${error.message.replace(/^filter: /, '')}${allowed ? ` (${allowed})` : ''}`;
  }
}

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
  { word: 'receipts', about: 'receipts that are held', view: () => newView('receipts', 'held') },
  { word: 'audit', about: 'who changed what', view: () => newView('audit') },
];

/** Where a typed word leads: a view, or undefined for none. */
export function placeOf(text: string): View | undefined {
  const [word = '', ...rest] = text.trim().split(/\s+/);
  const found = PLACES.find((place) => place.word === word);
  if (found?.word === 'jobs' && rest.length > 0) return newView('jobs', rest.join(' '));
  if (found) return found.view();
  if (/^\d{1,18}$/.test(word)) return newView('job', word);
  if (/^aud_/.test(word)) return newView('change', word);
  if (/^wrk_/.test(word)) return newView('jobs', `worker:${word}`);
  if (/^(don|rcp|dlv|pi)_/.test(word) || /^\S+-\d+$/.test(word)) return newView('donation', word);
  // A filter, as people type it.
  if (word.includes(':') && filterError(text) === undefined) return newView('jobs', text.trim());
  return undefined;
}

/** How a jump that is being typed can go on. */
export const completeJump = (text: string): Completion[] =>
  PLACES.filter(({ word }) => word.startsWith(text.trim())).map(({ word, about }) => ({
    text: word,
    word,
    about,
  }));

export const JUMP_HINT = 'a view, a job’s number, don_…, a receipt’s number, pi_…, aud_…';

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
export const completionsOf = (state: State, { kind, text }: Input) =>
  kind === 'filter'
    ? completeFilter(text, (state.snapshot?.tasks.value?.rows ?? []).map(({ task }) => task).sort())
    : completeJump(text);
