import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Db } from '../db/database.ts';
import { describeDatabase } from '../db/describe.ts';
import { migrationState } from '../db/migrate.ts';
import { requireSessions } from '../db/pooler.ts';
import { readMode } from '../db/prepare.ts';
import { dependencyDown, UserError } from '../errors.ts';
import {
  differences,
  findOrganization,
  organizationInSettings,
} from '../organizations/organization.ts';
import { formatDuration } from '../output/time.ts';
import type { MailGateway } from '../providers/mail.ts';
import type { PaymentGateway } from '../providers/payments.ts';
import { listPauses } from '../queue/run/pauses.ts';
import { listWorkers } from '../queue/run/workers.ts';
import { loadTemplates } from '../receipts/templates.ts';
import { findContradictions } from '../webhooks/contradictions.ts';
import { type Check, type Finding, failed, ok, skipped, warning } from './doctor.ts';

export interface DoctorDeps {
  config: Config;
  clock: Clock;
  /** The format of `process.versions.node`. */
  nodeVersion: string;
  /** Connects without starting, migrating or changing the database. */
  connect(): Promise<Db>;
  payments(): Promise<PaymentGateway>;
  mail(): Promise<MailGateway>;
}

// The minimum in package.json.
const NODE_AT_LEAST: [major: number, minor: number] = [20, 19];
// https://worker.graphile.org/docs/requirements
const POSTGRES_AT_LEAST = 12;
const SKEW_NOTED_MS = 30_000;
// Stripe's libraries refuse webhook signatures older than this:
// https://docs.stripe.com/webhooks#replay-attacks
const SKEW_HARMFUL_MS = 300_000;
const WAIT_NOTED_MS = 5 * 60_000;

/** The checks of `donations doctor`, in the order of the output. */
export function doctorChecks(deps: DoctorDeps): Check[] {
  const { config } = deps;
  const db = once(() => deps.connect());
  const stripe = once(async () => timed(deps, async () => (await deps.payments()).ping()));
  const sendgrid = once(async () => timed(deps, async () => (await deps.mail()).ping()));
  const migrations = once(async () => migrationState(await db()));

  /** A check that needs our tables; without them another check reports why. */
  const onTables = (name: string, look: (db: Db) => Promise<Finding>): Check => ({
    name,
    async run() {
      const state = await migrations().catch(() => undefined);
      if (state === undefined) return skipped('needs the database');
      return state.pending.length === 0 ? look(await db()) : skipped('needs the migrations');
    },
  });

  return [
    { name: 'node', run: async () => checkNode(deps.nodeVersion) },
    {
      name: 'database',
      run: async () =>
        checkDatabase(await db().catch(withHint(describeDatabase(config).hint)), config),
    },
    {
      name: 'migrations',
      async run() {
        const state = await migrations().catch((error: unknown) => {
          if (error instanceof UserError) throw error;
        });
        if (!state) return skipped('needs the database');
        const { applied, pending } = state;
        if (pending.length === 0) return ok(`all ${applied.length} applied`);
        const message = `${pending.length} not applied: ${pending.join(', ')}`;
        return config.databaseUrl
          ? failed(message, 'Apply them: donations db migrate')
          : warning(message, 'The next command that needs the database applies them.');
      },
    },
    {
      name: 'connections',
      async run() {
        const { databaseUrl, databaseDirectUrl } = config;
        if (databaseUrl === undefined) return ok('direct, to the embedded database');
        try {
          await requireSessions({ databaseUrl, databaseDirectUrl });
        } catch (error) {
          if (error instanceof UserError) throw error;
          return skipped('needs the database');
        }
        return ok(
          databaseDirectUrl
            ? 'DATABASE_DIRECT_URL leads to connections that last, as a worker needs'
            : 'connections last as long as a worker needs them',
        );
      },
    },
    onTables('mode', async (db) => checkMode(await readMode(db), config.mode)),
    { name: 'stripe', run: async () => checkStripe((await stripe()).answer.livemode, config) },
    {
      name: 'sendgrid',
      async run() {
        await sendgrid();
        return checkSendGrid(config);
      },
    },
    { name: 'sender', run: () => checkSender(config) },
    {
      name: 'clock',
      async run() {
        const skews = await Promise.all([
          stripe().then(skewOf('Stripe'), () => undefined),
          sendgrid().then(skewOf('SendGrid'), () => undefined),
          db()
            .then((db) => postgresSkew(deps, db))
            .catch(() => undefined),
        ]);
        return checkClock(skews.filter((skew) => skew !== undefined));
      },
    },
    onTables('organization', (db) => checkOrganization(db, config)),
    onTables('charges', checkCharges),
    onTables('queue', (db) => checkQueue(db, deps.clock)),
    onTables('worker', checkWorker),
    onTables('ledger', checkLedger),
  ];
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = NODE_AT_LEAST;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor))
    return ok(`Node.js ${version}`);
  return failed(
    `Node.js ${version}`,
    `Install ${NODE_AT_LEAST.join('.')} or newer: https://nodejs.org`,
  );
}

async function checkDatabase(db: Db, config: Config): Promise<Finding> {
  const { where, hint } = describeDatabase(config);
  type Server = { version: string; read_only: boolean; standby: boolean };
  const { rows } = await db
    .query<Server>(
      `select current_setting('server_version') as version, pg_is_in_recovery() as standby,
         current_setting('transaction_read_only')::bool as read_only`,
    )
    .catch(withHint<{ rows: Server[] }>(hint));
  const { version = '', standby = false, read_only = false } = rows[0] ?? {};
  const what = `PostgreSQL ${version.split(' ')[0]}, ${config.databaseUrl ? `at ${where}` : `embedded in ${where}`}`;
  if (standby || read_only) {
    return failed(
      `${what}: ${standby ? 'a standby' : 'it'} is read-only, so no worker can work`,
      `${config.databaseUrl ? 'Set DATABASE_URL to' : 'Use'} the primary. Workers reconnect by themselves.`,
    );
  }
  if (Number.parseInt(version, 10) >= POSTGRES_AT_LEAST) return ok(what);
  return failed(what, `Graphile Worker needs PostgreSQL ${POSTGRES_AT_LEAST} or newer.`);
}

function checkMode(found: Config['mode'] | undefined, wanted: Config['mode']): Finding {
  if (found === undefined) return ok(`${wanted}; the database has not been used yet`);
  if (found === wanted) return ok(wanted);
  return failed(
    `this is a ${found} database, but the settings are for ${wanted} mode`,
    `Use the keys of ${found} mode, or another database.`,
  );
}

function checkStripe(livemode: boolean, { mode, stripe }: Config): Finding {
  const where = mode === 'sandbox' ? 'the sandbox' : (stripe.apiBase ?? 'api.stripe.com');
  if (livemode === (mode === 'live')) return ok(`${where} accepts the key`);
  return failed(
    `${where} reports a ${livemode ? 'live' : 'test'} key, but the mode is ${mode}`,
    'Set STRIPE_SECRET_KEY to the key of this mode.',
  );
}

/**
 * SendGrid has answered already. It refuses a key that may not send mail, and a sender that the
 * account may not use.
 */
function checkSendGrid({ mode, sendgrid, receipts }: Config): Finding {
  const where = mode === 'sandbox' ? 'the sandbox' : (sendgrid.apiBase ?? 'api.sendgrid.com');
  return ok(`${where} accepts the key, which may send mail as ${receipts.from.email}`);
}

async function checkSender({ organization, receipts }: Config): Promise<Finding> {
  await loadTemplates(receipts.templatesDir);
  return ok(
    `${organization.legalName}, from ${receipts.from.email}; the templates of receipts work`,
  );
}

interface Skew {
  who: string;
  ms: number;
}

const skewOf =
  (who: string) =>
  ({ answer, at }: { answer: { serverTime: Date | undefined }; at: Date }): Skew | undefined =>
    answer.serverTime && { who, ms: at.getTime() - answer.serverTime.getTime() };

async function postgresSkew(deps: DoctorDeps, db: Db): Promise<Skew> {
  const { answer, at } = await timed(deps, () =>
    db.query<{ now: Date }>('select clock_timestamp() as now'),
  );
  return { who: 'Postgres', ms: at.getTime() - (answer.rows[0]?.now ?? at).getTime() };
}

function checkClock(skews: Skew[]): Finding {
  const [worst] = skews.sort((a, b) => Math.abs(b.ms) - Math.abs(a.ms));
  if (!worst) return skipped('needs the time of Postgres or a provider');
  const names = skews
    .map(({ who }) => who)
    .sort()
    .join(', ');
  if (Math.abs(worst.ms) <= SKEW_NOTED_MS)
    return ok(`within ${formatDuration(Math.max(1000, Math.abs(worst.ms)))} of ${names}`);
  const message = `${formatDuration(Math.abs(worst.ms))} ${worst.ms > 0 ? 'ahead of' : 'behind'} ${worst.who}`;
  const hint = 'Set this machine’s clock, best by NTP: timedatectl set-ntp true';
  return Math.abs(worst.ms) > SKEW_HARMFUL_MS ? failed(message, hint) : warning(message, hint);
}

async function checkQueue(db: Db, clock: Clock): Promise<Finding> {
  const paused = [...new Set((await listPauses(db)).map(({ task }) => task))];
  const { rows } = await db.query<{ ready: bigint; oldest: Date | null }>(
    `select count(*) as ready, min(j.run_at) as oldest
     from graphile_worker.jobs j left join donations.job_verdicts v on v.job_id = j.id
     where j.run_at <= now() and j.locked_at is null and j.attempts < j.max_attempts and v.job_id is null`,
  );
  const { ready = 0n, oldest = null } = rows[0] ?? {};
  if (paused.length > 0)
    return warning(
      `${ready} jobs ready; paused: ${paused.join(', ')}`,
      'See why: donations worker list',
    );
  if (ready === 0n || !oldest) return ok('no job is waiting');
  const waits = clock.now().getTime() - oldest.getTime();
  const message = `${ready} ${ready === 1n ? 'job' : 'jobs'} ready, the oldest for ${formatDuration(Math.max(0, waits))}`;
  return waits > WAIT_NOTED_MS
    ? warning(message, 'Start more workers: donations worker start')
    : ok(message);
}

/** Receipts print the facts in the database. The settings may have changed since. */
async function checkOrganization(db: Db, config: Config): Promise<Finding> {
  const organization = await findOrganization(db);
  if (!organization) return ok('the first command that uses the database stores it');
  const different = differences(organization, organizationInSettings(config));
  if (different.length === 0)
    return ok(`${organization.legalName}, version ${organization.version}`);
  return warning(
    `the settings differ from the facts on receipts: ${different.join(', ')}`,
    'Use the settings for receipts issued from now on: donations organization update',
  );
}

/** Stripe reported a successful payment for a donation that failed here. */
async function checkCharges(db: Db): Promise<Finding> {
  const contradictions = await findContradictions(db);
  const [first] = contradictions;
  if (!first) return ok('Stripe reports no payment that is missing here');
  return failed(
    `Stripe reports ${contradictions.length === 1 ? 'a payment' : `${contradictions.length} payments`} for donations that failed here: ${contradictions.join(', ')}`,
    `Check the payment in Stripe's dashboard, and refund it if it is not wanted: donations show ${first}`,
  );
}

async function checkWorker(db: Db): Promise<Finding> {
  const workers = await listWorkers(db);
  const gone = workers.filter(({ state }) => state === 'gone');
  if (gone.length > 0) {
    return warning(
      `${gone.map(({ id, host }) => `${id} on ${host}`).join(', ')}: no heartbeat`,
      'The worker is dead, frozen, or cut off from Postgres. Another worker takes over its jobs: donations worker list',
    );
  }
  const alive = workers.filter(({ state }) => state === 'alive');
  if (alive.length === 0)
    return warning('no worker is alive, so no job runs', 'Start one: donations worker start');
  const slots = alive.reduce((sum, { concurrency }) => sum + concurrency, 0);
  return ok(`${alive.length} alive with ${slots} slots`);
}

async function checkLedger(db: Db): Promise<Finding> {
  const { rows } = await db.query<{ partition: string | null }>(
    `select to_regclass('donations.job_attempts_' || to_char(now() at time zone 'utc', 'YYYYMMDD'))::text as partition`,
  );
  if (rows[0]?.partition) return ok('today’s partition exists');
  return warning(
    'today’s partition is missing: attempts are stored in the default partition',
    'A worker creates it when it starts: donations worker start',
  );
}

/** The result of a call, and the local time halfway through it, to compare clocks. */
async function timed<T>(
  { clock }: DoctorDeps,
  ask: () => Promise<T>,
): Promise<{ answer: T; at: Date }> {
  const asked = clock.now().getTime();
  const answer = await ask();
  return { answer, at: new Date((asked + clock.now().getTime()) / 2) };
}

/** Calls `make` once and returns the same promise to every caller. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** For `catch`: adds a hint to an error. */
const withHint =
  <T = never>(hint: string) =>
  (error: unknown): T => {
    if (error instanceof UserError) throw error;
    const { message, code } = error as Error & { code?: string };
    throw dependencyDown(`cannot be reached: ${message || code}`, hint, error);
  };
