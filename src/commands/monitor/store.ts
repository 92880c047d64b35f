import { type Action, reduce } from './reducer.ts';
import type { State } from './state.ts';
import type { Effect } from './step.ts';

/** Holds the state of a monitor: actions change it by the reducer, and watchers learn of the change. */
export abstract class Store {
  state: State;
  readonly #watchers = new Set<() => void>();
  /** After the end no action has an effect. */
  protected ended = false;

  constructor(state: State) {
    this.state = state;
  }

  /** Does what the reducer asks for outside the state. */
  protected abstract perform(effect: Effect): void;
  abstract start(): void;
  abstract end(): Promise<void>;

  /** Calls back whenever the state has changed. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  dispatch(action: Action): void {
    if (this.ended) return;
    const { state, effects } = reduce(this.state, action);
    const changed = state !== this.state;
    this.state = state;
    for (const effect of effects) this.perform(effect);
    if (changed) for (const watcher of this.#watchers) watcher();
  }
}
