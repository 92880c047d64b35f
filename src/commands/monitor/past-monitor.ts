import { UserError } from '../../lib/errors.ts';
import { takePast } from '../../lib/monitor/past.ts';
import { chartColumns } from './chart.ts';
import { isFromDatabase } from './errors.ts';
import { type MonitorOptions, RECONNECT_MS } from './monitor.ts';
import { loadContent, loadHistory } from './queries.ts';
import { currentView, dataKey, type State } from './state.ts';
import type { Effect } from './step.ts';
import { Store } from './store.ts';
import { WINDOWS } from './windows.ts';

/** The monitor of a moment of the past, without its screen: nothing moves there but the operator. */
export class PastMonitor extends Store {
  readonly #options: Omit<MonitorOptions, 'operations'>;
  /** What is being read, and whether something else has to be read after it. */
  #loading: Promise<void> | undefined;
  #isOutdated = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(state: State, options: Omit<MonitorOptions, 'operations'>) {
    super(state);
    this.#options = options;
  }

  override start(): void {
    this.#load();
  }

  override async end(): Promise<void> {
    this.ended = true;
    clearTimeout(this.#retry);
    await this.#loading;
  }

  protected override perform(effect: Effect): void {
    switch (effect.do) {
      case 'refresh':
        this.#load();
        break;
      case 'plan':
      case 'apply':
      case 'stop':
        // The keys that ask for these are off.
        break;
      default:
        this.#options.onEffect(effect);
    }
  }

  /** A key that is held down asks for many moments: only the last one is read. */
  #load(): void {
    this.#isOutdated = true;
    clearTimeout(this.#retry);
    this.#loading ??= this.#loadAll().finally(() => {
      this.#loading = undefined;
    });
  }

  async #loadAll(): Promise<void> {
    while (this.#isOutdated && !this.ended) {
      this.#isOutdated = false;
      try {
        await this.#read();
      } catch (error) {
        if (!isFromDatabase(error)) throw error;
        this.dispatch({ type: 'lost', error: (error as Error).message });
        if (!this.ended) this.#retry = setTimeout(() => this.#load(), RECONNECT_MS);
      }
    }
  }

  async #read(): Promise<void> {
    const { db, timeoutMs } = this.#options;
    const { past, window, columns, now } = this.state;
    const at = new Date(past?.at ?? now);
    const view = currentView(this.state);
    const { ms: windowMs } = WINDOWS[window] as (typeof WINDOWS)[number];
    const shown = { windowMs, most: chartColumns(columns), until: at };
    const snapshot = await takePast(db, { at, timeoutMs });
    const history = await loadHistory(db, timeoutMs, shown);
    if (this.#isOutdated) return;
    this.dispatch({ type: 'snapshot', snapshot, now: at.getTime() });
    this.dispatch({ type: 'history', history });
    try {
      const content = await loadContent(db, timeoutMs, view, at);
      if (content)
        this.dispatch({ type: 'content', key: dataKey(view), content, now: at.getTime() });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.dispatch({ type: 'content failed', key: dataKey(view), trouble: error.message });
    }
  }
}
