import { LONGEST_SILENCE_MS } from '../../lib/alerts/silences.ts';
import { UserError } from '../../lib/errors.ts';
import { parseDuration } from '../../lib/parse.ts';
import { commandOf, type Request } from './requests.ts';
import { chosenDiscard } from './selection.ts';
import type { Dialog, State } from './state.ts';
import { notice, type Step, step } from './step.ts';
import { edit } from './typing.ts';

export const withDialog = (state: State, change: Partial<Dialog>): State =>
  state.dialog ? { ...state, dialog: { ...state.dialog, ...change } } : state;

/** A key while the dialog of a change is open. */
export function pressInDialog(state: State, dialog: Dialog, key: string): Step {
  const close = step({ ...state, dialog: undefined });
  switch (dialog.phase) {
    case 'done':
    case 'failed':
      return key === 'u' && dialog.phase === 'done' && dialog.request.kind === 'discard'
        ? undo(close.state)
        : close;
    case 'running':
      if (key !== 'escape' && key !== 'ctrl+c') return step(state);
      return step(withDialog(state, { phase: 'stopping' }), { do: 'stop' });
    case 'stopping':
      return step(state);
    case 'planning':
      return key === 'escape' ? step({ ...state, dialog: undefined }, { do: 'stop' }) : step(state);
    case 'asking':
      return pressInQuestion(state, dialog, key);
    case 'confirming':
      return pressInConfirm(state, dialog, key);
  }
}

function pressInQuestion(state: State, dialog: Dialog, key: string): Step {
  if (key === 'escape') return step({ ...state, dialog: undefined });
  if (key !== 'return') {
    const typed = edit(dialog.typed, key);
    return typed === undefined ? step(state) : step(withDialog(state, { typed, error: undefined }));
  }
  const answered = answer(dialog.request, dialog.typed.trim());
  if (typeof answered === 'string') return step(withDialog(state, { error: answered }));
  return plan(state, answered);
}

/** The request with what was typed; or what is wrong with it. */
function answer(request: Request, typed: string): Request | string {
  if (request.kind === 'pause') {
    const error = typed === '' ? undefined : durationError(typed);
    return error ?? { ...request, forTime: typed };
  }
  if (request.kind === 'reschedule') {
    const isTime = /^\d{4}-\d\d-\d\d/.test(typed) && !Number.isNaN(Date.parse(typed));
    const error = typed === '' || typed === 'now' || isTime ? undefined : durationError(typed);
    return error ?? { ...request, when: typed || 'now' };
  }
  if (request.kind === 'acknowledge' || request.kind === 'silence') {
    const { forTime, reason } = timeAndReason(typed);
    if (request.kind === 'silence' && forTime === '')
      return 'say for how long: 30m, 2h, at most 30d';
    const max = request.kind === 'silence' ? LONGEST_SILENCE_MS : undefined;
    const error = forTime === '' ? undefined : durationError(forTime, max);
    return error ?? { ...request, forTime, reason };
  }
  return request;
}

/** `2h asked SendGrid`: what begins with a digit is a time; the rest says why. */
function timeAndReason(typed: string): { forTime: string; reason: string } {
  const [, forTime = '', reason = ''] = /^(\d\S*)?\s*(.*)$/.exec(typed) ?? [];
  return { forTime, reason };
}

function durationError(text: string, max?: number): string | undefined {
  try {
    parseDuration(text, max === undefined ? {} : { max });
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `${error.message}. ${error.hint ?? ''}`;
  }
}

function pressInConfirm(state: State, dialog: Dialog, key: string): Step {
  const { confirm, request } = dialog;
  if (key === 'escape') return step({ ...state, dialog: undefined }, { do: 'stop' });
  const go = (chosen: Request) =>
    step(withDialog(state, { phase: 'running', request: chosen, done: 0, error: undefined }), {
      do: 'apply',
      request: chosen,
    });
  if (confirm.by === 'typing') {
    if (key === 'return') {
      return dialog.typed.trim() === confirm.word
        ? go(request)
        : step(withDialog(state, { error: `type ${confirm.word} to go on, Esc to leave it` }));
    }
    if (key === 'y' && dialog.typed === '') return copy(state, commandOf(request));
    const typed = edit(dialog.typed, key);
    return typed === undefined ? step(state) : step(withDialog(state, { typed, error: undefined }));
  }
  if (confirm.by === 'nothing') return step({ ...state, dialog: undefined });
  if (confirm.by === 'y' && key === 'y') return go(request);
  if (confirm.by === 'enter' && key === 'return') return go(request);
  if (confirm.by === 'choice') {
    const picked = confirm.choices.find((choice) => choice.key === key);
    if (picked && request.kind === 'resolve') return go({ ...request, outcome: picked.outcome });
  }
  if (key === 'y' || key === 'Y') return copy(state, commandOf(request));
  return step(state);
}

export function copy(state: State, text: string): Step {
  return step(notice(state, 'good', `copied: ${text}`), { do: 'copy', text });
}

/** Opens the dialog of a change: first what has to be asked, else its plan. */
export function open(state: State, request: Request): Step {
  const question = questionOf(request);
  if (!question) return plan(state, request);
  return step({ ...state, dialog: { ...emptyDialog(request), phase: 'asking', question } });
}

const plan = (state: State, request: Request): Step =>
  step(
    { ...state, dialog: { ...emptyDialog(request), phase: 'planning' } },
    { do: 'plan', request },
  );

const emptyDialog = (request: Request): Dialog => ({
  request,
  phase: 'planning',
  question: undefined,
  typed: '',
  error: undefined,
  title: '',
  lines: [],
  confirm: { by: 'nothing' },
  total: 0,
  done: 0,
});

function questionOf(request: Request): Dialog['question'] {
  if (request.kind === 'pause')
    return { label: `Pause ${request.task} for`, hint: '30m, 2h; empty: until it is resumed' };
  if (request.kind === 'reschedule')
    return { label: 'Run them', hint: 'now, in 30m (30m), or 2026-11-24T08:00Z; empty: now' };
  if (request.kind === 'acknowledge')
    return {
      label: 'Acknowledge it for',
      hint: '30m, 2h, then what you do about it: 2h asked SendGrid; without a time until it is over',
    };
  if (request.kind === 'silence')
    return {
      label: 'Send no alerts for',
      hint: '30m, 2h, at most 30d, then why: 2h moving to another server',
    };
  return undefined;
}

export function undo(state: State): Step {
  const ref = chosenDiscard(state);
  return ref ? open(state, { kind: 'restore', ref }) : step(state);
}
