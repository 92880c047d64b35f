/** The weight of a new measurement in the moving average. */
const WEIGHT = 0.1;
/**
 * Graphile Worker runs this many jobs for each slot, because most of them wait for Postgres at any
 * time.
 */
export const JOBS_PER_SLOT = 3;

/** The place of one job: it prepares, calls the provider in a slot, then records the result. */
export interface Place {
  /** Runs the call as soon as a slot is free. */
  call<T>(work: () => Promise<T>): Promise<T>;
  /** The job has ended, in whatever phase. */
  leave(): void;
}

/**
 * Limits the concurrent provider calls of a worker. Jobs prepare (claim their receipt) while all
 * slots are taken, so that a slot never waits for a commit. They free the slot before they record
 * the result. Only as many jobs prepare as are needed to keep the slots busy, because a mail that
 * was claimed and not sent when the worker dies has an unknown outcome.
 */
export class Slots {
  readonly #count: number;
  #calling = 0;
  #preparing = 0;
  #closed = false;
  readonly #waitingToPrepare: ((go: boolean) => void)[] = [];
  readonly #waitingToCall: { go: (granted: boolean) => void; begun: boolean }[] = [];
  /** Moving averages in milliseconds. */
  #prepareMs = 1;
  #callMs = 4;

  constructor(count: number) {
    this.#count = count;
  }

  /**
   * How many jobs may prepare at once: one for each slot, because calls that began together also end
   * together; more when preparing takes longer than a call.
   */
  get lead(): number {
    const needed = Math.ceil((this.#count * this.#prepareMs) / Math.max(this.#callMs, 0.1));
    return Math.min(this.#count * (JOBS_PER_SLOT - 1), Math.max(this.#count, needed + 1));
  }

  /**
   * Waits until the job may start; undefined after `close`.
   * @param prepares whether the job prepares before its call. If not, it starts when it has a slot.
   */
  async enter({ prepares }: { prepares: boolean }): Promise<Place | undefined> {
    if (this.#closed) return undefined;
    return prepares ? this.#enterToPrepare() : this.#enterToCall();
  }

  async #enterToCall(): Promise<Place | undefined> {
    if (!(await this.#takeSlot({ begun: false }))) return undefined;
    const leave = once(() => this.#freeSlot());
    return {
      leave,
      call: (work) => this.#measured(work).finally(leave),
    };
  }

  async #enterToPrepare(): Promise<Place | undefined> {
    if (this.#preparing >= this.lead || this.#waitingToPrepare.length > 0) {
      if (!(await new Promise<boolean>((resolve) => this.#waitingToPrepare.push(resolve))))
        return undefined;
    } else {
      this.#preparing += 1;
    }
    const entered = performance.now();
    const leave = once(() => {
      this.#preparing -= 1;
      this.#admit();
    });
    return {
      leave,
      call: async (work) => {
        const prepareMs = performance.now() - entered;
        await this.#takeSlot({ begun: true });
        this.#prepareMs += WEIGHT * (prepareMs - this.#prepareMs);
        leave();
        return this.#measured(work).finally(() => this.#freeSlot());
      },
    };
  }

  async #measured<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#callMs += WEIGHT * (performance.now() - began - this.#callMs);
    }
  }

  /** @param begun whether the job has started already and continues after `close`. */
  async #takeSlot({ begun }: { begun: boolean }): Promise<boolean> {
    if (this.#calling < this.#count) {
      this.#calling += 1;
      return true;
    }
    return new Promise((go) => this.#waitingToCall.push({ go, begun }));
  }

  /** A freed slot is passed directly to the next waiting job. */
  #freeSlot(): void {
    const next = this.#waitingToCall.shift();
    if (next) next.go(true);
    else this.#calling -= 1;
  }

  /** Prevents further jobs from starting. */
  close(): void {
    this.#closed = true;
    for (const resolve of this.#waitingToPrepare.splice(0)) resolve(false);
    const waiting = this.#waitingToCall.splice(0);
    this.#waitingToCall.push(...waiting.filter(({ begun }) => begun));
    for (const { go, begun } of waiting) if (!begun) go(false);
  }

  #admit(): void {
    while (this.#waitingToPrepare.length > 0 && this.#preparing < this.lead) {
      this.#preparing += 1;
      this.#waitingToPrepare.shift()?.(true);
    }
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}
