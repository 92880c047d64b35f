import type { Logger } from 'pino';
import type { Actor } from '../lib/audit/record.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Config, Connection, Sources } from '../lib/config.ts';
import type { Db, DbOptions, Queryable } from '../lib/db/database.ts';
import { type Io, paint, say } from '../lib/output/io.ts';
import type { ProviderCall } from '../lib/providers/around-calls.ts';
import type { MailGateway } from '../lib/providers/mail.ts';
import type { PaymentGateway } from '../lib/providers/payments.ts';
import type { Telemetry } from '../lib/telemetry/telemetry.ts';
import { commandLine } from './shared/command-line.ts';

/** The dependencies of commands. Each is opened on first use, and closed once at the end. */
export interface Context {
  io: Io;
  /** The version of donations. */
  version: string;
  /** The arguments, without `node` and the script. */
  args: string[];
  clock: Clock;
  /** Aborted when the user stops the command (SIGINT, SIGTERM). */
  signal: AbortSignal;
  /**
   * Set by a command that ends by itself when the signal is aborted; other commands are ended by
   * the signal.
   */
  stopsByItself: boolean;
  config(): Promise<Config>;
  /** What it takes to read the database: commands that only read need no other setting. */
  connection(): Promise<Connection>;
  configSources(): Promise<Sources>;
  log(): Promise<Logger>;
  /** The database in the right mode. The embedded one is started and migrated first. */
  db(): Promise<Db>;
  /** The database for a worker with this many slots. After this, `db` returns the same one. */
  workerDb(worker: { slots: number; isPostgresItself: boolean }): Promise<Db>;
  databaseUrl(): Promise<string>;
  /** The URL of Postgres itself, bypassing a pooler. */
  directUrl(): Promise<string>;
  /**
   * Reads from it, in one snapshot and no longer than `queue.readTimeoutMs`. A role that may only read
   * is enough, and no settings but the connection's.
   */
  read<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** The database that `read` reads from, for what reads again and again. */
  readDb(): Promise<Db>;
  payments(): Promise<PaymentGateway>;
  mail(): Promise<MailGateway>;
  /** OpenTelemetry; undefined unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set. */
  telemetry(): Promise<Telemetry | undefined>;
  /** The person at the terminal, for the audit trail. */
  operator(): Promise<Actor>;
  close(): Promise<void>;
}

// Keys that the sandbox's doubles accept.
const SANDBOX_KEYS = { stripe: 'sk_test_sandbox', sendgrid: 'SG.sandbox' };

// A worker's statements take milliseconds; a longer one is cancelled and repeated.
const WORKER_LIMITS = { statementTimeoutMs: 8000, idleInTransactionMs: 10_000 };
/**
 * A job holds a connection for a few milliseconds only, and claims and records of many jobs share
 * one. So a fifth of the slots is enough, and 50 connections are acceptable for a server that
 * allows 100.
 */
const workerPoolSize = (slots: number) => Math.min(50, Math.max(10, Math.ceil(slots / 5)));

export type ContextOptions = Pick<Context, 'io' | 'version' | 'args' | 'signal'>;

/** Creates the context of one command. */
export function createContext({ io, version, args, signal }: ContextOptions): Context {
  const closers: (() => Promise<void>)[] = [];
  // Visible to Postgres's administrator: contains the command's words, but no values that a user
  // typed.
  const commandName = args
    .filter((arg) => !arg.startsWith('-'))
    .slice(0, 2)
    .filter((word) => /^[a-z][a-z-]{0,20}$/.test(word))
    .join(' ');

  const loadSettings = once(async () => {
    const { loadConfig } = await import('../lib/config.ts');
    const loaded = loadConfig(io);
    if (loaded.config.mode === 'sandbox' && io.stderr.isTTY) {
      saySandbox(io);
    }
    return loaded;
  });
  const config = async () => (await loadSettings()).config;
  const connection = once(async () => {
    const { loadConnection } = await import('../lib/config.ts');
    return loadConnection(io);
  });

  const databaseUrl = once(async () => {
    const { databaseUrl, dataDir } = await connection();
    if (databaseUrl) return databaseUrl;
    const { startEmbedded } = await import('../lib/db/embedded.ts');
    const { url, created } = await startEmbedded({ dataDir });
    if (created) say(io, `A new database was made in ${dataDir}.`);
    return url;
  });

  let limits: Partial<DbOptions> = {};
  let isOpen = false;
  const db = once(async () => {
    isOpen = true;
    const settings = await config();
    const { databaseDirectUrl: directUrl } = settings;
    const url = await databaseUrl();
    const { openDb } = await import('../lib/db/database.ts');
    const { prepareDatabase } = await import('../lib/db/prepare.ts');
    const db = openDb({ url, directUrl, applicationName: `donations ${commandName}`, ...limits });
    closers.push(() => db.close());
    await prepareDatabase(db, {
      url,
      mode: settings.mode,
      migrateByItself: settings.databaseUrl === undefined,
    });
    const { ensureOrganization } = await import('../lib/organizations/organization.ts');
    await ensureOrganization(db, settings);
    return db;
  });

  /** A database that is not ours to make is only looked at. */
  const readDb = once(async () => {
    const { databaseUrl: url, databaseDirectUrl: directUrl, statedMode } = await connection();
    if (isOpen || url === undefined) return db();
    const { openDb } = await import('../lib/db/database.ts');
    const { checkMigrated, otherMode, readMode } = await import('../lib/db/prepare.ts');
    const readOnly = openDb({ url, directUrl, applicationName: `donations ${commandName}` });
    closers.push(() => readOnly.close());
    await checkMigrated(readOnly);
    const mode = await readMode(readOnly);
    // So that a user with the keys of one does not mistake the other for it.
    if (mode && statedMode && mode !== statedMode) throw otherMode(mode, statedMode);
    if (io.stderr.isTTY && mode === 'sandbox') saySandbox(io);
    return readOnly;
  });

  /** Where the providers are and with which key: the only place that knows of the sandbox. */
  const endpoints = once(async () => {
    const { mode, dataDir, stripe, sendgrid } = await config();
    if (mode !== 'sandbox') return { stripe, sendgrid };
    const sandbox = once(async () => {
      const { ensureSandbox } = await import('../lib/sandbox/daemon.ts');
      return (await ensureSandbox({ dataDir })).url;
    });
    return {
      stripe: {
        ...stripe,
        secretKey: SANDBOX_KEYS.stripe,
        apiBase: stripe.apiBase ?? (await sandbox()),
      },
      sendgrid: {
        ...sendgrid,
        apiKey: SANDBOX_KEYS.sendgrid,
        apiBase: sendgrid.apiBase ?? (await sandbox()),
      },
    };
  });

  const log = once(async () => {
    const { createLogger } = await import('../lib/output/log.ts');
    return createLogger(io);
  });

  const telemetry = once(async () => {
    const { env } = io;
    if (!env.OTEL_EXPORTER_OTLP_ENDPOINT || /^true$/i.test(env.OTEL_SDK_DISABLED ?? '')) return;
    const { startTelemetry } = await import('../lib/telemetry/open-telemetry.ts');
    const { mode } = await config();
    const onTrouble = async (message: string) => (await log()).warn(message);
    const started = startTelemetry({ env, version, mode, onTrouble });
    closers.push(() => started.close());
    return started;
  });

  const traced = async <Gateway extends object>(
    gateway: Gateway,
    provider: ProviderCall['provider'],
  ): Promise<Gateway> => {
    const found = await telemetry();
    if (!found) return gateway;
    const { aroundCalls } = await import('../lib/providers/around-calls.ts');
    const { tracedCalls } = await import('../lib/telemetry/telemetry.ts');
    return aroundCalls(gateway, provider, tracedCalls(found));
  };

  return {
    io,
    version,
    args,
    clock: systemClock,
    signal,
    stopsByItself: false,
    config,
    connection,
    configSources: async () => (await loadSettings()).sources,
    log,
    telemetry,
    databaseUrl,
    directUrl: async () => (await connection()).databaseDirectUrl ?? databaseUrl(),
    db,
    async workerDb({ slots, isPostgresItself }) {
      limits = { ...WORKER_LIMITS, poolSize: workerPoolSize(slots), isPostgresItself };
      return db();
    },
    async read(work) {
      const { readWithin } = await import('../lib/db/read.ts');
      return readWithin(await readDb(), (await connection()).queue.readTimeoutMs, work);
    },
    readDb,
    payments: once(async () => {
      const { stripe } = await endpoints();
      const { stripeGateway } = await import('../lib/providers/stripe.ts');
      return traced(stripeGateway({ ...stripe, secretKey: stripe.secretKey as string }), 'stripe');
    }),
    mail: once(async () => {
      const { sendgrid } = await endpoints();
      const { receipts } = await config();
      const { sendgridGateway } = await import('../lib/providers/sendgrid.ts');
      return traced(
        sendgridGateway({
          ...sendgrid,
          apiKey: sendgrid.apiKey as string,
          sender: receipts.from,
        }),
        'sendgrid',
      );
    }),
    async operator() {
      const { hostname } = await import('node:os');
      return {
        actor: await actor(io.env.DONATIONS_ACTOR),
        host: hostname(),
        command: commandLine(args).slice(0, MAX_COMMAND),
      };
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

const saySandbox = (io: Io) =>
  say(io, paint(io, 'warn', 'SANDBOX: play money, local doubles of Stripe and SendGrid'));

/** As much of a command line as the audit trail keeps. */
const MAX_COMMAND = 10_000;

async function actor(named: string | undefined): Promise<string> {
  if (named) {
    const { cleanName } = await import('../lib/text.ts');
    return cleanName(named, { field: 'DONATIONS_ACTOR', max: 200 });
  }
  const { userInfo } = await import('node:os');
  try {
    return userInfo().username;
  } catch {
    // A user in a container may have no name.
    return `uid ${process.getuid?.()}`;
  }
}

/** The same promise for every call. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
