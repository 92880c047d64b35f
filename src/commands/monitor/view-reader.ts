import type { Db } from '../../lib/db/database.ts';
import { UserError } from '../../lib/errors.ts';
import { chartColumns } from './chart.ts';
import { explained } from './errors.ts';
import { loadContent, loadHistory } from './queries.ts';
import type { Action } from './reducer.ts';
import { currentView, dataKey, type State } from './state.ts';
import { WINDOWS } from './windows.ts';

/** A view's queries pause for this many times as long as they took. */
const REST_FACTOR = 20;
const REST_MS = 900;
const MINUTE_MS = 60_000;
/** The sample of a minute exists this long after the minute. */
const SAMPLED_MS = 6000;

export interface ViewReaderOptions {
  db: Db;
  timeoutMs: number;
  state(): State;
  dispatch(action: Action): void;
  /** By the database's clock, in milliseconds. */
  now(): number;
  /** Called when the database cannot be read. */
  lost(error: unknown): void;
}

/** Reads what a view shows beside the snapshot: its rows, and the samples of the charts. */
export class ViewReader {
  readonly #options: ViewReaderOptions;
  #readAt = 0;
  #restMs = REST_MS;
  #key = '';
  #reading = false;
  #readAgain = false;
  #historyMinute = 0;
  #historyKey = '';

  constructor(options: ViewReaderOptions) {
    this.#options = options;
  }

  /** Reads the view that is shown, and the charts. `now`: even if they were read a moment ago. */
  read(now: boolean): void {
    this.#readHistory();
    void this.#readView(now);
  }

  async #readView(now: boolean): Promise<void> {
    const { db, timeoutMs, state, dispatch } = this.#options;
    const view = currentView(state());
    const key = `${dataKey(view)}\n${view.limit}`;
    const isNew = key !== this.#key;
    if (!now && !isNew && Date.now() < this.#readAt + this.#restMs) return;
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    if (view.name === 'overview' || view.name === 'workers') return;
    this.#reading = true;
    this.#key = key;
    const start = performance.now();
    try {
      const content = await loadContent(db, timeoutMs, view);
      if (content && !state().frozen)
        dispatch({ type: 'content', key: dataKey(view), content, now: this.#options.now() });
    } catch (error) {
      if (error instanceof UserError) {
        const trouble = error.code === 'try_again' ? error.message : explained(error);
        dispatch({ type: 'content failed', key: dataKey(view), trouble });
      } else this.#options.lost(error);
    } finally {
      this.#reading = false;
      this.#readAt = Date.now();
      this.#restMs = Math.max(REST_MS, (performance.now() - start) * REST_FACTOR);
    }
    if (!this.#readAgain) return;
    this.#readAgain = false;
    void this.#readView(true);
  }

  #readHistory(): void {
    const { db, timeoutMs, state, dispatch } = this.#options;
    const { window, columns, views, link } = state();
    if (views.length > 1 || link.status !== 'live') return;
    const { ms: windowMs } = WINDOWS[window] as (typeof WINDOWS)[number];
    const key = `${window} ${columns}`;
    const minute = Math.floor((this.#options.now() - SAMPLED_MS) / MINUTE_MS);
    if (key === this.#historyKey && minute === this.#historyMinute) return;
    this.#historyKey = key;
    this.#historyMinute = minute;
    loadHistory(db, timeoutMs, { windowMs, most: chartColumns(columns) }).then(
      (history) => {
        if (this.#historyKey === key) dispatch({ type: 'history', history });
      },
      (error: unknown) => {
        if (!(error instanceof UserError)) return this.#options.lost(error);
        dispatch({ type: 'history failed', trouble: error.message });
      },
    );
  }
}
