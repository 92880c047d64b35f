import type { Provider } from './faults.ts';

/** A request that was received and has not taken effect yet. Its client gets no answer. */
export interface HeldRequest {
  provider: Provider;
  method: string;
  path: string;
}

/** Requests that take effect after a delay, or when they are released. */
export interface HeldRequests {
  /** @param afterMs undefined: until it is released */
  hold(about: HeldRequest, afterMs: number | undefined, carryOut: () => Promise<unknown>): void;
  /** In order of arrival. */
  list(): HeldRequest[];
  /** Executes all of them one after another. Returns how many. */
  release(): Promise<number>;
  /** Deletes them, so that they never take effect. */
  drop(): void;
}

export function heldRequests(): HeldRequests {
  const held = new Map<
    HeldRequest,
    { timer: NodeJS.Timeout | undefined; run(): Promise<unknown> }
  >();

  return {
    hold(about, afterMs, carryOut) {
      // The client is disconnected, so a failure cannot be reported to it.
      const run = () => {
        held.delete(about);
        return carryOut().catch(() => {});
      };
      const timer = afterMs === undefined ? undefined : setTimeout(run, afterMs);
      timer?.unref();
      held.set(about, { timer, run });
    },
    list: () => [...held.keys()],
    async release() {
      const all = [...held.values()];
      for (const { timer } of all) clearTimeout(timer);
      for (const { run } of all) await run();
      return all.length;
    },
    drop() {
      for (const { timer } of held.values()) clearTimeout(timer);
      held.clear();
    },
  };
}
