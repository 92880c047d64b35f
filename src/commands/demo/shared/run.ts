import { setTimeout as wait } from 'node:timers/promises';
import { type ChargeDeps, chargeNow } from '../../../lib/donations/charge.ts';
import { loadDonation } from '../../../lib/donations/donation.ts';
import { recordCardGift } from '../../../lib/donations/record.ts';
import {
  addsUp,
  isComplete,
  type Tally,
  type TaskTotals,
  tallySince,
  totalsByTask,
} from '../../../lib/donations/tally.ts';
import { launcherPath } from '../../../lib/launcher.ts';
import { formatMoney } from '../../../lib/money.ts';
import { paint, plain, say, type Tone } from '../../../lib/output/io.ts';
import { GLYPHS } from '../../../lib/output/status.ts';
import { ProviderError } from '../../../lib/providers/errors.ts';
import type { SandboxClient } from '../../../lib/sandbox/client.ts';
import type { Note } from '../../../lib/telemetry/telemetry.ts';
import type { Context } from '../../context.ts';
import { openSandbox } from '../../sandbox/shared/open-sandbox.ts';
import { inCommandSpan } from '../../shared/in-span.ts';
import { inventGift } from './gifts.ts';
import { type WorkerEvent, WorkerProcess } from './worker-process.ts';

const BACKGROUND_SHARE = 0.3;
const AT_ONCE = 4;
/** Milliseconds between donations when there is no count. */
const PACE_MS = 400;
// Short, so that a mail without an answer becomes held within the demo.
const MAIL_TIMEOUT_MS = 2000;

const FAULTS = {
  stripe: {
    latencyMs: [20, 80] as [number, number],
    resetAfterProcessing: 0.02,
    resetBeforeProcessing: 0.01,
    path: 'POST',
  },
  sendgrid: {
    latencyMs: [20, 60] as [number, number],
    timeouts: 0.02,
    resetAfterProcessing: 0.02,
    unavailable: 0.02,
    path: 'POST',
  },
};

export interface DemoResult {
  tally: Tally;
  totals: TaskTotals[];
  /** Donations with more than one successful charge at the Stripe double. There must be none. */
  chargedTwice: string[];
  complete: boolean;
}

/** One run of the demo: donations, a worker, failing providers, and the output. */
export class Demo {
  readonly #context: Context;
  readonly #deps: ChargeDeps;
  readonly #sandbox: SandboxClient;
  readonly #worker: WorkerProcess;
  readonly #since: Date;
  readonly #quiet: boolean;
  readonly #ids = new Set<string>();
  /** True when something happened since the last check whether all donations are settled. */
  #news = false;
  #wake: () => void = () => {};

  /** @param quiet prints nothing, because the monitor has the screen. */
  static async start(context: Context, { quiet }: { quiet: boolean }): Promise<Demo> {
    const db = await context.db();
    const deps = {
      db,
      payments: await context.payments(),
    };
    const sandbox = await openSandbox(context);
    await sandbox.setFaults('stripe', FAULTS.stripe);
    await sandbox.setFaults('sendgrid', FAULTS.sendgrid);
    const { rows } = await db.query<{ now: Date }>('select clock_timestamp() as now');
    const since = (rows[0] as { now: Date }).now;
    return new Demo(context, deps, sandbox, since, quiet);
  }

  private constructor(
    context: Context,
    deps: ChargeDeps,
    sandbox: SandboxClient,
    since: Date,
    quiet: boolean,
  ) {
    this.#quiet = quiet;
    this.#context = context;
    this.#deps = deps;
    this.#sandbox = sandbox;
    this.#since = since;
    const env = { ...context.io.env, DONATIONS_SENDGRID_TIMEOUT_MS: String(MAIL_TIMEOUT_MS) };
    context.signal.addEventListener('abort', () => this.#wake(), { once: true });
    this.#worker = new WorkerProcess(launcherPath(), env, (event) => this.#onWorker(event));
  }

  /** Makes donations: `count` of them at full speed, or at intervals until the signal. */
  async play({
    count,
    untilSettled,
  }: {
    count: number | undefined;
    untilSettled: boolean;
  }): Promise<void> {
    const { signal } = this.#context;
    let left = count ?? Number.POSITIVE_INFINITY;
    const giver = async () => {
      while (left-- > 0 && !signal.aborted) {
        await inCommandSpan(this.#context, 'donate', {}, (note) => this.#give(note));
        if (count === undefined) await pause(PACE_MS * AT_ONCE * Math.random() * 2, signal);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, giver));
    while (!signal.aborted) {
      this.#news = false;
      if (untilSettled && (await this.#isSettled())) return;
      await this.#nextChange();
    }
  }

  /** Stops the worker, removes the faults, and counts the results. */
  async end(): Promise<DemoResult> {
    await this.#worker.stop();
    await this.#sandbox.clearFaults();
    const tally = await tallySince(this.#deps.db, this.#since);
    const charged = new Map<string, number>();
    for (const { status, metadata } of await this.#sandbox.paymentIntents()) {
      const id = (metadata as { donation_id?: string }).donation_id;
      if (status === 'succeeded' && id && this.#ids.has(id))
        charged.set(id, (charged.get(id) ?? 0) + 1);
    }
    const chargedTwice = [...charged].flatMap(([id, times]) => (times > 1 ? [id] : []));
    return {
      tally,
      totals: await totalsByTask(this.#deps.db, this.#since),
      chargedTwice,
      complete:
        isComplete(tally) &&
        addsUp(tally) &&
        tally.donations === this.#ids.size &&
        charged.size === tally.charged,
    };
  }

  async #give(note: Note): Promise<void> {
    const gift = inventGift(Math.random);
    const words = `${formatMoney(gift.amount)} from ${gift.donor.name}`;
    if (Math.random() < BACKGROUND_SHARE) {
      const { id } = await recordCardGift(this.#deps.db, gift, 'job');
      this.#ids.add(id);
      note({ 'donations.donation': id, 'donations.charged_by': 'job' });
      this.#tell('warn', id, `${words}: to be charged in the background`);
      return;
    }
    const { id } = await recordCardGift(this.#deps.db, gift, 'caller');
    this.#ids.add(id);
    note({ 'donations.donation': id, 'donations.charged_by': 'caller' });
    try {
      await chargeNow(this.#deps, id);
      const { status, charge } = await loadDonation(this.#deps.db, id);
      if (status === 'succeeded') this.#tell('good', id, `${words}: charged`);
      else this.#tell('bad', id, `${words}: declined (${charge?.failure?.code})`);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      this.#tell('warn', id, `${words}: ${error.message}; to be settled in the background`);
    }
    this.#changed();
  }

  #onWorker({ msg, donation, ms, outcome, next, level }: WorkerEvent): void {
    this.#changed();
    if (!outcome) {
      if (level >= 40 || /started|stopped/.test(msg)) this.#tell('dim', undefined, msg);
      return;
    }
    const tone: Tone =
      outcome === 'succeeded'
        ? 'good'
        : outcome === 'retry' || outcome === 'parked'
          ? 'warn'
          : 'bad';
    const again = next ? `; again at ${next.slice(11, 19)}` : '';
    this.#tell(tone, donation, `${msg}${again}${ms === undefined ? '' : `  ${ms} ms`}`);
  }

  #tell(tone: Tone, donation: string | undefined, text: string): void {
    if (this.#quiet) return;
    const { io, clock } = this.#context;
    const time = clock.now().toISOString().slice(11, 19);
    // The end of an id distinguishes donations of the same second.
    const short = donation ? `don…${donation.slice(-6)}` : ' '.repeat(10);
    say(
      io,
      `${paint(io, 'dim', time)} ${paint(io, tone, GLYPHS[tone])} ${paint(io, 'dim', short)}  ${plain(text)}`,
    );
  }

  async #isSettled(): Promise<boolean> {
    return isComplete(await tallySince(this.#deps.db, this.#since));
  }

  #changed(): void {
    this.#news = true;
    this.#wake();
  }

  /** Resolves when something happened, or the user stops the demo. */
  async #nextChange(): Promise<void> {
    if (this.#news || this.#context.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Ends early, without an error, when the user stops the demo. */
const pause = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => {});
