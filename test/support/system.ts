import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Config, loadConfig } from '../../src/lib/config.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { ensureMode } from '../../src/lib/db/prepare.ts';
import type { ChargeDeps } from '../../src/lib/donations/charge.ts';
import type { Gift } from '../../src/lib/donations/input.ts';
import { ensureOrganization } from '../../src/lib/organizations/organization.ts';
import { stripeGateway } from '../../src/lib/providers/stripe.ts';
import { SandboxClient } from '../../src/lib/sandbox/client.ts';
import { startSandbox } from '../../src/lib/sandbox/server.ts';
import { createTestDatabase } from './database.ts';

/** A separate database, the doubles over HTTP, and workers as processes, like a deployment. */
export interface System {
  db: Db;
  sandbox: SandboxClient;
  deps: ChargeDeps;
  config: Config;
  /** The environment for commands and workers: this database, these doubles, short deadlines. */
  env: NodeJS.ProcessEnv;
  startWorker(options?: { args?: string[]; env?: NodeJS.ProcessEnv; cwd?: string }): TestWorker;
  close(): Promise<void>;
}

const LOOK_AGAIN_MS = 250;
const ROOT = new URL('../../', import.meta.url).pathname;

/** Starts a system. `env` is added to the environment of all its processes. */
export async function startSystem(env: NodeJS.ProcessEnv = {}): Promise<System> {
  const database = await createTestDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), 'donations-system-'));
  const server = await startSandbox({ dataDir });
  const all: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: dataDir,
    DATABASE_URL: database.url,
    DONATIONS_DATA_DIR: dataDir,
    STRIPE_API_BASE: server.url,
    SENDGRID_API_BASE: server.url,
    DONATIONS_STRIPE_TIMEOUT_MS: '1500',
    DONATIONS_SENDGRID_TIMEOUT_MS: '700',
    ...env,
  };
  const { config } = loadConfig({ env: all, cwd: dataDir });
  await ensureMode(database.db, 'sandbox');
  await ensureOrganization(database.db, config);
  const workers: TestWorker[] = [];
  return {
    db: database.db,
    sandbox: new SandboxClient(server),
    config,
    env: all,
    deps: {
      db: database.db,
      payments: stripeGateway({
        secretKey: 'sk_test_sandbox',
        apiBase: server.url,
        timeoutMs: 1500,
      }),
    },
    startWorker(options = {}) {
      const worker = new TestWorker(options.args ?? [], { ...all, ...options.env }, options.cwd);
      workers.push(worker);
      return worker;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.kill()));
      await server.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A line of a worker's log. */
export interface LogLine {
  msg: string;
  task?: string;
  job?: string;
  donation?: string;
  outcome?: string;
  class?: string;
}

/** Runs `donations worker start` as a process, and parses its log. */
export class TestWorker {
  readonly lines: LogLine[] = [];
  /** All output so far. */
  output = '';
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();

  constructor(args: string[], env: NodeJS.ProcessEnv, cwd?: string) {
    this.#child = spawn(process.execPath, [`${ROOT}bin/donations`, 'worker', 'start', ...args], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) =>
      this.#child.once('exit', (code, signal) => resolve({ code, signal })),
    );
    this.ended.then(() => this.#notify());
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.output += `${line}\n`;
        if (line.startsWith('{')) this.lines.push(JSON.parse(line));
        this.#notify();
      });
    }
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /**
   * Resolves when `condition` holds. It is checked at every line of the log, and regularly, because
   * the database may change without a line. Rejects if the worker ends first.
   */
  async until(condition: (lines: LogLine[]) => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      const seen = this.lines.length;
      if (await condition(this.lines)) return;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`the worker ended:\n${this.output.slice(-2000)}`);
      }
      if (this.lines.length > seen) continue;
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(watcher, LOOK_AGAIN_MS);
        this.#watchers.add(watcher);
      });
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return (await this.ended).code;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

type Named = Partial<Gift> & { name?: string; email?: string };

/** A valid gift. */
export function gift({ name, email, ...rest }: Named = {}): Gift {
  const amount = rest.amount ?? { minor: 5000n, currency: 'usd' };
  return {
    amount,
    method: 'card',
    donor: {
      kind: 'person',
      name: name ?? 'Ada Lovelace',
      email: email ?? 'ada@example.org',
      addressLines: [],
    },
    paymentMethod: 'pm_card_visa',
    fund: 'Clean Water',
    allocations: [{ fund: rest.fund ?? 'Clean Water', minor: amount.minor }],
    anonymous: false,
    goodsValueMinor: 0n,
    ...rest,
  };
}

/** Makes all scheduled jobs due now; jobs that a worker is changing stay as they are. */
export async function hurry(db: Db): Promise<void> {
  try {
    await db.query(
      `select graphile_worker.reschedule_jobs(array_agg(id), run_at => now())
       from graphile_worker.jobs where locked_at is null and attempts < max_attempts and run_at > now()`,
    );
  } catch (error) {
    // Postgres aborted our transaction, and not the worker's, to end a deadlock.
    if ((error as { code?: string }).code !== '40P01') throw error;
  }
}

/** Makes the probes of open circuits due, whose interval grows to a minute while faults go on. */
export async function hurryProbes(db: Db): Promise<void> {
  await db.query(
    'update donations.task_pauses set next_probe_at = now() where next_probe_at > now()',
  );
}
