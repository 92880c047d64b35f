/** How much of a new measurement goes into the average. */
const WEIGHT = 0.1;
/** Graphile Worker runs so many jobs for each slot, most of which wait for Postgres at any moment. */
export const JOBS_PER_SLOT = 3;

/** One job's place: it prepares first, then makes its call in a slot, then writes down what came of it. */
export interface Place {
  /** Makes the call as soon as a slot is free. */
  call<T>(work: () => Promise<T>): Promise<T>;
  /** The job has ended, wherever it was. */
  leave(): void;
}

/**
 * The slots of a worker: so many calls at providers at a time. Jobs prepare (claim what they are
 * about) while the slots are taken, so that a slot waits for no commit, and leave their slot before
 * they write down what came of the call. Only as many prepare as keep the slots taken: what has
 * claimed a mail and dies before it sends it leaves a mail of unknown outcome.
 */
export class Slots {
  readonly #count: number;
  #calling = 0;
  #preparing = 0;
  #closed = false;
  readonly #waitingToPrepare: ((go: boolean) => void)[] = [];
  readonly #waitingToCall: { go: (granted: boolean) => void; begun: boolean }[] = [];
  /** Averages, in milliseconds. */
  #prepareMs = 1;
  #callMs = 4;

  constructor(count: number) {
    this.#count = count;
  }

  /** How many jobs may prepare at a time: as many as get ready in the time in which as many slots get free. */
  get lead(): number {
    const needed = Math.ceil((this.#count * this.#prepareMs) / Math.max(this.#callMs, 0.1));
    return Math.min(this.#count * (JOBS_PER_SLOT - 1), needed + 1);
  }

  /**
   * Waits until the job may begin; undefined when no more may.
   * @param prepares whether it has something to do before its call. One that has not begins when it has its slot.
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

  /** @param begun whether the job has begun already, and goes on when the worker stops. */
  async #takeSlot({ begun }: { begun: boolean }): Promise<boolean> {
    if (this.#calling < this.#count) {
      this.#calling += 1;
      return true;
    }
    return new Promise((go) => this.#waitingToCall.push({ go, begun }));
  }

  /** The slot goes from hand to hand. */
  #freeSlot(): void {
    const next = this.#waitingToCall.shift();
    if (next) next.go(true);
    else this.#calling -= 1;
  }

  /** Lets no more jobs begin. */
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
