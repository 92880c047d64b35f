import { explained } from './errors.ts';
import { planRequest } from './operations/plan-request.ts';
import type { OperationDeps, Planned } from './operations/planned.ts';
import type { Action } from './reducer.ts';
import type { Request } from './requests.ts';
import type { State } from './state.ts';

export interface ChangesOptions {
  operations: OperationDeps;
  state(): State;
  dispatch(action: Action): void;
}

/** Plans and makes the operator's changes, one at a time. */
export class Changes {
  readonly #options: ChangesOptions;
  #planned: Planned | undefined;
  #abort = new AbortController();
  /** The change that is being made. */
  #applying: Promise<void> | undefined;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  plan(request: Request): void {
    void this.#plan(request);
  }

  apply(request: Request): void {
    this.#applying = this.#apply(request);
  }

  /** Stops at a whole chunk. */
  stop(): void {
    this.#abort.abort();
  }

  /** Stops at a whole chunk, and waits until then. */
  async end(): Promise<void> {
    this.stop();
    await this.#applying;
  }

  async #plan(request: Request): Promise<void> {
    const { operations, dispatch } = this.#options;
    const abort = new AbortController();
    this.#abort = abort;
    this.#planned = undefined;
    try {
      const planned = await planRequest(operations, request);
      if (abort.signal.aborted) return;
      this.#planned = planned;
      const { title, lines, confirm, total } = planned;
      dispatch({ type: 'planned', title, lines, confirm, total });
    } catch (error) {
      if (!abort.signal.aborted) dispatch({ type: 'refused', error: explained(error) });
    }
  }

  async #apply(request: Request): Promise<void> {
    const { state, dispatch } = this.#options;
    const planned = this.#planned;
    if (!planned) return;
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const { lines, discarded, stopped } = await planned.apply(request, {
        signal: abort.signal,
        onProgress: (done, note) => dispatch({ type: 'progress', done, note }),
      });
      dispatch({ type: 'applied', lines, discarded, stopped });
    } catch (error) {
      const { done } = state().dialog ?? { done: 0 };
      const some = done > 0 ? `${done} were done before this; the same again does the rest. ` : '';
      dispatch({ type: 'refused', error: some + explained(error) });
    }
  }
}
