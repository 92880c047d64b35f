import { covers } from '../../lib/alerts/silences.ts';
import { kindFacts } from '../../lib/health/rule-kinds.ts';
import { JOB_STATES } from '../../lib/queue/states.ts';
import type { Verb } from './bindings/binding.ts';
import { copy, open, undo } from './dialogs.ts';
import { filteredIn } from './filters.ts';
import { changePane, mark, move, moveCursor, moveMoment, pageOf, sort } from './moves.ts';
import { back, enter, goTo } from './places.ts';
import type { Request } from './requests.ts';
import {
  chosenFailed,
  chosenIncident,
  chosenJobs,
  chosenReceipt,
  chosenTask,
  selectedKey,
  silencesOf,
} from './selection.ts';
import { currentView, HELD, INTERVALS, type Input, newView, type State } from './state.ts';
import { notice, type Step, step, withView } from './step.ts';
import { commandOfView } from './view-command.ts';

const MINUTE_MS = 60_000;

/** Does what a key means. */
export function perform(state: State, verb: Verb, key: string): Step {
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
    case 'alerts':
    case 'audit':
      return goTo(state, newView(verb));
    case 'receipts':
      return goTo(state, newView('receipts', HELD));
    case 'filter': {
      const { name, arg } = currentView(state);
      const of = filteredIn(name);
      const text = name === of && arg !== '' ? `${arg} ` : '';
      return step(withInput(state, { kind: 'filter', of, text }));
    }
    case 'jump':
      return step(withInput(state, { kind: 'jump', of: 'jobs', text: '' }));
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
    case 'acknowledge': {
      const id = chosenIncident(state)?.id ?? '';
      return open(state, { kind: 'acknowledge', id, forTime: '', reason: '' });
    }
    case 'silence':
      return open(state, silenceOf(state));
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

/** The selected worker, if it is gone; otherwise all workers that are gone. */
function deadWorker(state: State): string | undefined {
  const view = currentView(state);
  const isList = view.name === 'workers' || (view.name === 'overview' && view.pane === 'workers');
  const key = isList ? selectedKey(state) : undefined;
  const worker = state.snapshot?.workers.value?.find(({ id }) => id === key);
  return worker?.state === 'gone' ? worker.id : undefined;
}

const withInput = (state: State, input: Pick<Input, 'kind' | 'of' | 'text'>): State => ({
  ...state,
  input: { ...input, chosen: 0, error: undefined },
});

/** Silences the rule and task of the incident, or ends the silence that covers it. */
function silenceOf(state: State): Request {
  const incident = chosenIncident(state);
  const silence = incident && silencesOf(state).find((each) => covers(each, incident));
  if (silence) return { kind: 'unsilence', rule: silence.rule, task: silence.task };
  const { rule, kind, subject } = incident ?? { rule: null, kind: undefined, subject: '' };
  // Alerts of a recurring task, for instance, have a subject that is no task.
  const task = kind && kindFacts(kind).byTask && subject !== '' ? subject : null;
  return { kind: 'silence', rule, task, forTime: '', reason: '' };
}
