import { z } from 'zod';

/** The types of values, by the words of docs/json.md. */
const TYPES = {
  text: z.string(),
  count: z.int().nonnegative(),
  number: z.number(),
  'minor units': z.int(),
  decimal: z.string().regex(/^-?\d+(\.\d+)?$/),
  share: z.number().min(0).max(1),
  milliseconds: z.int().nonnegative(),
  moment: z.iso.datetime(),
  day: z.iso.date(),
  'true or false': z.boolean(),
  'job id': z.string().regex(/^\d+$/),
  ...idTypes('don', 'dnr', 'rcp', 'dlv', 'bat', 'wrk', 'aud', 'inc', 'sil'),
  texts: z.array(z.string()),
  counts: z.array(z.int().nonnegative()),
  sums: z.record(z.string().regex(/^[A-Z]{3}$/), z.string()),
  'any JSON': z.json(),
} as const;

type Type = keyof typeof TYPES;

function idTypes<Prefix extends string>(...prefixes: Prefix[]) {
  return Object.fromEntries(
    prefixes.map((prefix) => [
      `${prefix}_…`,
      z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`)),
    ]),
  ) as Record<`${Prefix}_…`, z.ZodString>;
}

/** What a field is: a value, an object of fields, or a list of such objects. */
export interface Field {
  type: Type | 'object' | 'list';
  /** Of an object, or of each object in a list: the names of its fields. The first is always there. */
  of?: string[];
  meaning: string;
}

const all = (type: Type, meanings: Record<string, string>): Record<string, Field> =>
  Object.fromEntries(
    Object.entries(meanings).map(([name, meaning]) => [name, { type, meaning }] as const),
  );
const object = (of: string, meaning: string): Field => ({
  type: 'object',
  of: of.split(' '),
  meaning,
});
const list = (of: string, meaning: string): Field => ({ ...object(of, meaning), type: 'list' });

const JOB =
  'job task status attempts max_attempts run_at locked_by last_error attempt claim donation since';
const STATS =
  'task ready running retrying scheduled failed held enqueued_per_minute done_per_minute error_rate latency_p50_ms latency_p95_ms latency_p99_ms duration_p50_ms duration_p95_ms duration_p99_ms oldest_ready_at drain_ms attempts ready_estimate done_by_minute';
const WORKER =
  'worker status host pid version concurrency jobs tasks started_at seen_at stopped_at';
const EVENT = 'at kind tone text task job donation audit';
const PAUSE = 'task cause reason since until probes next_probe_at';

/** What each name means and is, in whatever command it stands. */
export const FIELDS: Record<string, Field> = {
  ...all('don_…', {
    donation: 'the donation',
    earlier_donation: 'the gift before it that looks the same',
  }),
  ...all('rcp_…', { receipt: 'the receipt; people know it by its `number`' }),
  ...all('dlv_…', { delivery: 'one mail of a receipt' }),
  ...all('bat_…', { batch: 'the import' }),
  ...all('aud_…', {
    audit: 'the entry of the audit trail; of a change: null when nothing was changed',
    part_of: 'the entry of the bulk change that this one is a part of',
  }),
  ...all('inc_…', { incident: 'the incident' }),
  ...all('sil_…', { silence: 'the silence' }),
  ...all('job id', { job: 'the job; in error groups the latest one', restored_as: 'its new id' }),
  donor: object(
    'id name email',
    'the person or organisation that gave; of a receipt: as printed on it',
  ),
  donors: list('id name email', 'the donors that were changed'),
  card: object('brand last4', 'the card that was charged'),
  history: list(
    'started_at job attempt latency_ms duration_ms outcome worker error_class error_code error http_status request_id next_run_at',
    'the attempts, oldest first, as far as the ledger goes back',
  ),
  receipts: list(
    'receipt number status kind amount_minor currency issued_on deliveries',
    'the receipts',
  ),
  deliveries: list(
    'delivery kind status recipient job message_id accepted_at resends bounced_at bounce_reason reason evidence',
    'each mail of the receipt',
  ),
  mails: list(
    'at number status kind recipient evidence reason delivery',
    'what was mailed to the donor',
  ),
  cards: list('brand last4 saved_at last_used_at', 'the cards that the donor used'),
  possible_doubles: list(
    'donation earlier_donation amount_minor currency apart_ms',
    'gifts of the same amount within a day',
  ),
  gifts: list(
    'donation given_on status amount_minor amount currency donor fund campaign method card number failure refunded_minor received_on batch source source_id request created_at',
    'the latest gifts, as in `donations list`',
  ),
  given: list('currency amount_minor', 'what was given and kept, by currency'),
  amounts: list('currency amount_minor', 'the sums of the gifts concerned, by currency'),
  jobs: list(JOB, 'the jobs: of a donation those in the queue, of a worker those that it runs'),
  events: list(
    'at what text task job attempt outcome duration_ms latency_ms error_class http_status request_id next_run_at actor action reason audit kind level note',
    'what happened, oldest first',
  ),
  alerts: list('route event level status attempts due_at sent_at error', 'who was told of it'),
  pause: object(PAUSE, 'the pause of the task'),
  resumed: list('cause reason since', 'the pauses that ended'),
  runs_on: object('worker host pid seen_at', 'the worker that runs the job'),
  discarded: object('audit discarded_at actor reason restored_as', 'who discarded the job'),
  skipped: list('reason count', 'what a change leaves out, and why'),
  by_task: list('task count donor_count', 'how many jobs of each task'),
  outcomes: object('succeeded failed pending', 'what became of the changed jobs so far'),
  chunks: list('audit at affected', 'the parts of a bulk change'),
  reasons: list(
    'level rule subject text value since commands',
    'what is not well, the worst first',
  ),
  now: object('unsettled held failed', 'what is open now'),
  sources: list('source source_id', 'the ids of the donor in other systems'),
  left_out: list('line reason text', 'lines of the file that are no rows'),
  sample: list('line verdict reasons gifts', 'some rows of each verdict'),
  verdicts: object(
    'new duplicate suspect rejected skipped imported',
    'how many rows of each verdict',
  ),

  ...all('text', {
    id: 'of `donor`: its `dnr_…`; of `donate`: the same as `donation`',
    name: 'the name',
    email: 'the e-mail address; null where none is known or shown',
    number: 'the printed number of the receipt: `2026-000042`',
    replaces: 'the number of the receipt that it replaces',
    replaced_by: 'the number of the receipt that replaces it',
    status: 'the state of the thing that the line is about, in one word',
    task: 'the task of the job',
    last_error: 'the text of the job’s latest error',
    error: 'the text of an error',
    error_class: 'transient, rate_limited, permanent, unknown_outcome or misconfigured',
    error_code: 'the code that the provider or the network gave',
    fingerprint: 'the same for errors of the same cause',
    failure: 'why the charge failed',
    decline_code: 'Stripe’s code of the decline',
    reason: 'why, as a person or the program said it',
    void_reason: 'why the receipt is void',
    bounce_reason: 'why the mail did not arrive',
    evidence: 'what proves that the mail was sent',
    outcome:
      'how it ended: of an attempt succeeded, declined, retry, failed, held, parked; of a decision sent or resend',
    currency: 'ISO 4217, lower case',
    fund: 'the fund that the gift is for',
    campaign: 'the campaign that the gift came from',
    method: 'card, check, cash, wire, …',
    kind: 'which kind of the thing: of a mail original or copy, of a donor person or organization',
    receipt_kind: 'donation or refund',
    recipient: 'the address that the mail goes to',
    subject: 'what it is about: of a mail its subject line',
    text: 'in words',
    html: 'the HTML part of the mail',
    what: 'in words, what it is',
    payment_intent: 'Stripe’s `pi_…`',
    refund: 'Stripe’s `re_…`',
    mail: 'the id of the mail in the sandbox',
    message_id: 'SendGrid’s id of the mail',
    request_id: 'the provider’s id of the request',
    request: 'the id that the donation page gave the request',
    stripe_customer: 'Stripe’s `cus_…`',
    source: 'the system that it is from; of a setting: where it is set',
    source_id: 'the id in that system',
    brand: 'of the card: visa, mastercard, …',
    last4: 'the last four digits of the card',
    city: 'the city',
    country: 'ISO 3166, two letters',
    queue: 'the named queue of Graphile Worker',
    key: 'the job’s key',
    locked_by: 'the name by which the queue knows the worker',
    worker: 'the worker: `wrk_…`, or the name of another tool’s',
    claim: 'the worker’s claim of the attempt',
    host: 'the machine',
    version: 'the version of donations',
    next: 'what happens next by the policy',
    command: 'a command line: the one that was run, or the one to run',
    trend: 'rising, falling or steady',
    tone: 'good, warn, bad or dim',
    decision: 'what the policy does',
    consequence: 'what the policy does, in words',
    meaning: 'in words',
    cause: 'why the task is paused, or what the incident came from',
    actor: 'who did it: `grace`, or `grace@host`',
    acknowledged_by: 'who has taken the incident on',
    action: 'what was done: `jobs.retry`',
    filter: 'the filter that selected',
    stopped: 'why a change ended early',
    level: 'ok, warning or critical',
    rule: 'the health rule',
    scope: 'what the rule is limited to',
    measures: 'what the rule measures',
    summary: 'all reasons in one line',
    route: 'the route of alerts',
    via: 'how the route sends',
    event: 'what the alert said: opened, worse, over, …',
    note: 'what was added to it',
    change: 'changed, added or removed',
    verdict: 'what becomes of the row',
    gift: 'the id of the gift on this machine',
    file: 'the file',
    mapping: 'how the columns were understood, or the name of a saved mapping',
    setting: 'the name of the setting',
    environment: 'its environment variable',
    check: 'what was checked',
    message: 'what was found',
    hint: 'what to do',
    organization: 'the organisation: `org_…`',
    legal_name: 'the name on receipts',
    tax_id: 'the tax id on receipts',
    locale: 'such as en-US',
    time_zone: 'such as America/New_York',
    receipt_series: 'the prefix of receipt numbers',
    no_goods_statement: 'what receipts say when the donor got nothing in return',
    place_issued: 'the place on official receipts',
    signatory: 'who signs official receipts',
    data_dir: 'the data directory',
    postgres_version: 'the version of Postgres',
    mode: 'sandbox, test or live',
    url: 'where it listens, or how to connect',
    role: 'the role in Postgres',
    provider: 'stripe or sendgrid',
    stripe_webhook_url: 'where Stripe’s events go',
    sendgrid_webhook_url: 'where SendGrid’s events go',
    stripe_webhook_secret: 'what verifies Stripe’s events',
    sendgrid_webhook_public_key: 'what verifies SendGrid’s events',
  }),
  ...all('minor units', {
    amount_minor: 'the amount in cents or what is smallest in the currency',
    refunded_minor: 'what was given back of it',
  }),
  ...all('decimal', { amount: 'the amount as decimal text: `50.00`' }),
  ...all('share', {
    error_rate: 'share of attempts that failed',
    clear: 'the share of the threshold below which it is over',
  }),
  ...all('number', {
    enqueued_per_minute: 'jobs a minute, one decimal',
    done_per_minute: 'jobs a minute, one decimal',
    value: 'what the rule measures: milliseconds, a count, or a share with four decimals',
    peak: 'the worst value so far',
    warning: 'the threshold of a warning, in the unit of `value`',
    critical: 'the threshold of critical, in the unit of `value`',
  }),
  ...all('milliseconds', {
    latency_ms: 'how long the attempt waited after it was due',
    duration_ms: 'how long it took',
    apart_ms: 'the time between the two',
    lasted_ms: 'how long it has lasted',
    for_ms: 'how long a value must hold before the verdict changes',
    window_ms: 'the stretch of the past that the rule looks at',
    drain_ms: 'until the backlog is empty at the present rate; null when it does not shrink',
    ...Object.fromEntries(
      ['latency', 'duration'].flatMap((what) =>
        [50, 95, 99].map((p) => [`${what}_p${p}_ms`, `the ${p}th percentile of \`${what}_ms\``]),
      ),
    ),
    took_ms: 'how long reading it took',
    span_ms: 'the time that the rates are of',
    step_ms: 'how long each bucket is',
    wait_ms: 'the longest wait of a ready job in it',
    p95_ms: 'the largest 95th percentile of run times in it',
  }),
  ...all('moment', {
    at: 'when it happened; of a job: when it came into its status',
    created_at: 'when it was recorded or enqueued',
    settled_at: 'when the donation was settled',
    card_saved_at: 'when the card was saved',
    saved_at: 'when it was saved',
    last_used_at: 'when it was last used',
    accepted_at: 'when the mail provider took it',
    bounced_at: 'when it came back',
    run_at: 'when the job will run; null when it will not',
    next_run_at: 'when the next attempt was planned for',
    next_probe_at: 'when the provider is probed next',
    started_at: 'when it started',
    stopped_at: 'when it stopped',
    seen_at: 'the latest heartbeat',
    first_at: 'the first of them',
    last_at: 'the last of them',
    oldest_at: 'the oldest of them',
    newest_at: 'the newest of them',
    oldest_ready_at: 'when the job became due that has waited longest',
    oldest_lock_at: 'the oldest lock that the worker holds',
    latest_lock_at: 'the latest lock that the worker took',
    discarded_at: 'when it was discarded',
    opened_at: 'when it began',
    closed_at: 'when it was over',
    acknowledged_until: 'until when it is acknowledged',
    due_at: 'when it was to be sent',
    sent_at: 'when it was sent',
    since: 'since when it is so',
    until: 'until when it is so; null for until further notice',
    taken_at: 'when the gift was taken',
    pushed_at: 'when the gift was brought to the database',
    failed_since: 'since when the oldest failed job has been so',
    held_since: 'since when the oldest held job has been so',
  }),
  ...all('day', {
    given_on: 'the day of the gift',
    received_on: 'the day on which the gift arrived',
    issued_on: 'the day on the receipt',
    last_gift_on: 'the day of the latest gift',
    day: 'the day by the organisation’s clock',
  }),
  ...all('true or false', {
    void: 'whether the receipt is void',
    may_be_mailed: 'whether the donor may be mailed',
    due_is_more: 'whether `due` is a lower bound',
    release: 'whether the jobs of the worker are released',
    started: 'whether it was started now',
    granted: 'whether the role was given the rights now',
    reset: 'whether it was emptied',
    database_stopped: 'whether a database ran and was stopped',
    sandbox_stopped: 'whether doubles ran and were stopped',
  }),
  ...all('count', {
    attempts: 'how many attempts were made',
    max_attempts: 'how many attempts the job may have',
    attempt: 'which attempt it was, from 1',
    concurrency: 'how many provider calls the worker makes at once',
    pid: 'the process',
    http_status: 'the status of the provider’s answer',
    resends: 'how often it was let go again although it may have gone out',
    count: 'how many',
    eligible: 'how many can be changed',
    planned: 'how many were to be changed',
    changed: 'how many were changed',
    affected: 'how many were changed; null for what has no number',
    unknown:
      'of how many nobody knows whether they took effect; of events: that name no mail of ours',
    restored: 'how many jobs were put back',
    replaced: 'how many were not, as another job has their key',
    released: 'how many were released',
    restorable: 'how many jobs can be put back',
    retryable: 'how many a retry would run',
    recent: 'failures in the latest window',
    recent_before: 'failures in the window before',
    ready: 'due jobs',
    ready_estimate: 'due jobs by the latest sample; null where `ready` is exact',
    running: 'jobs that run',
    retrying: 'jobs that wait for their next attempt',
    scheduled: 'jobs that are due later',
    failed: 'jobs that are given up',
    held: 'jobs or requests that are held',
    due: 'jobs that are due',
    succeeded: 'what succeeded',
    pending: 'what is under way',
    unsettled: 'gifts that are not settled',
    gift_count: 'how many gifts',
    job_count: 'how many jobs',
    donor_count: 'how many donors',
    receipt_count: 'how many receipts that wait go to the new address',
    alert_count: 'how many alerts were delivered',
    event_count: 'how many events the file has',
    chunk_count: 'how many parts the change has',
    column_count: 'how many columns the mapping knows',
    incident_count: 'how many incidents',
    critical_incident_count: 'how many of them were critical',
    payment_count: 'how many payments the double has',
    customer_count: 'how many customers the double has',
    mail_count: 'how many mails the double took',
    webhooks_pending: 'how many events wait to be sent',
    mails_sent: 'how many mails of the gift’s receipts went out',
    mails_maybe_sent: 'how many more may have gone out',
    receipts_sent: 'how many receipts were sent',
    receipts_voided: 'how many receipts were voided',
    declined: 'how many cards were declined',
    unreadable: 'how many could not be read',
    ours: 'how many are about our mails',
    new: 'how many were new',
    duplicate: 'rows that are known already',
    suspect: 'rows that need a look',
    rows: 'data rows of the file',
    valid: 'rows without a fault',
    imported: 'rows that were imported',
    duplicates: 'rows that were imported or recorded before',
    suspects: 'rows that need a look',
    rejected: 'rows with a fault',
    repeated: 'rows with the id of a row above',
    undone: 'gifts that were taken back',
    refused: 'gifts that stand in the way',
    open: 'rows that wait for a decision',
    line: 'the line in the file',
    minimum: 'a share of fewer attempts says nothing',
    probes: 'how often the provider was probed',
    priority: 'low numbers run first',
    code: 'the exit code',
    revision: 'the version of the facts on receipts',
  }),
  done_by_minute: {
    type: 'counts',
    meaning: 'jobs done in each of the last minutes, oldest first',
  },
  ...all('sums', { totals: 'sums by currency: `{"USD": "1250.00"}`' }),
  ...all('texts', {
    tasks: 'the names of tasks',
    emails: 'e-mail addresses, the one for receipts first',
    address: 'the lines of the address',
    commands: 'the commands to run',
    effects: 'what follows from it for donors, in words',
    examples: 'the ids of some of them',
    workers: 'the workers whose jobs were released',
    unread: 'the rules that could not be read in time',
    settled: 'the deliveries that the evidence settled',
    unmapped: 'the columns that are not used',
    pending_migrations: 'the migrations that are still to be applied',
    applied_migrations: 'the migrations that were applied',
    statements: 'the SQL statements',
  }),
  ...all('any JSON', {
    payload: 'the payload of the job, masked',
    before: 'what was before',
    after: 'what is after',
    detail: 'what else was recorded',
    letter: 'the mail as it was sent to SendGrid',
    fields: 'the gift by the column names of `import template`',
    totals_by_method: 'sums by method and currency',
    totals_by_fund: 'sums by fund and currency',
    faults: 'the faults of the double',
    stripe_faults: 'the faults of Stripe’s double',
    sendgrid_faults: 'the faults of SendGrid’s double',
  }),
};

const IMPORT_RESULT = {
  ...all('count', {
    receipts: 'receipts that are to be sent',
    skipped: 'rows that are left out',
  }),
};

/** Names that scripts have relied on from the beginning, where they mean something else. */
export const EXCEPTIONS: Record<string, Record<string, Field>> = {
  import: IMPORT_RESULT,
  'offline push': IMPORT_RESULT,
  'import show': {
    ...all('texts', { reasons: 'why the row has its verdict', gifts: 'its gifts in words' }),
    ...all('count', { skipped: 'rows that are left out' }),
  },
  init: all('text', { sample: 'the settings file with every setting' }),
  'config show': all('any JSON', { value: 'what is set; secrets are masked' }),
  monitor: {
    health: object('level reasons', 'what the second line of the screen says'),
    reasons: list('level text since mend', 'why it is not well'),
    mend: { type: 'text', meaning: 'the key or command that helps' },
    tasks: object('value at behind', 'the tasks, in `value`'),
    workers: object('value at behind', 'the workers, in `value`'),
    events: object('value at behind', 'the latest events, in `value`'),
    behind: { type: 'text', meaning: 'why it is not of this moment' },
    value: { type: 'any JSON', meaning: 'what was read last' },
    history: object('step_ms since buckets', 'what the charts show'),
    buckets: list('at enqueued done retried failed held wait_ms p95_ms', 'oldest first'),
    ...all('count', { enqueued: 'jobs', done: 'jobs', retried: 'attempts' }),
  },
};

/** The commands that write a list; the others write one object. */
const LISTS =
  /^(list|donors list|receipts (list|missing)|import (list|diff|map list)|offline list|worker list|alerts (list|silence|rules|check)|jobs (list|errors|stats|policy)|jobs rescue --dry-run|audit list|sandbox inbox|config show|doctor|help)$/;
export const writesList = (command: string): boolean => LISTS.test(command);

/** What a name means in a command. */
export function fieldOf(command: string, name: string): Field | undefined {
  const exceptions = Object.entries(EXCEPTIONS)
    .filter(([prefix]) => command === prefix || command.startsWith(`${prefix} `))
    .sort(([a], [b]) => b.length - a.length);
  return exceptions.find(([, fields]) => fields[name])?.[1][name] ?? FIELDS[name];
}

function valueSchema(command: string, name: string): z.ZodType {
  const field = fieldOf(command, name);
  if (!field) throw new Error(`${command}: nothing says what the field ${name} is`);
  if (field.type !== 'object' && field.type !== 'list') return TYPES[field.type].nullable();
  const [first, ...others] = field.of ?? [];
  const shape = z.strictObject({
    ...(first ? { [first]: valueSchema(command, first) } : {}),
    ...Object.fromEntries(others.map((each) => [each, valueSchema(command, each).optional()])),
  });
  return (field.type === 'list' ? z.array(shape) : shape).nullable();
}

/** The schema of a command's JSON: these fields and no others, each null where there is nothing to say. */
export function schemaOf(command: string, names: string[]): z.ZodType {
  const record = z.strictObject(
    Object.fromEntries(names.map((name) => [name, valueSchema(command, name)])),
  );
  return writesList(command) ? z.array(record) : record;
}

/** What is in the `value` of the monitor's parts, by the names of `jobs stats`, `worker list` and `show`. */
export const MONITOR_PARTS: Record<string, string> = {
  tasks: STATS,
  workers: WORKER,
  events: EVENT,
};

/** The schema of rows with these fields, whatever command they stand in. */
export const rowsSchema = (names: string): z.ZodType =>
  z.array(
    z.strictObject(
      Object.fromEntries(names.split(' ').map((name) => [name, valueSchema('', name)])),
    ),
  );
