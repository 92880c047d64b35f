import type { LocalStore } from '../local/sqlite.ts';
import { readSetting, writeSetting } from './store.ts';

export type Provider = 'stripe' | 'sendgrid';
export const PROVIDERS: Provider[] = ['stripe', 'sendgrid'];

/** The kinds of faults and their descriptions. They are drawn in this order. */
export const FAULT_KINDS = {
  down: 'the connection is cut before anything is done',
  unavailable: '503, nothing done',
  unauthorized: '401, nothing done',
  forbidden: '403, nothing done',
  conflicts: '409, nothing done (at Stripe: the key is in use)',
  hangs: 'nothing done, never answered',
  resetBeforeProcessing: 'the connection is cut after the request was read, nothing done',
  late: 'never answered, done later: after a time, or when it is released',
  lateAfterReset: 'the connection is cut, done later: after a time, or when it is released',
  errors: '500, nothing done (Stripe keeps the 500 under the idempotency key)',
  errorsAfterProcessing: 'done, but answered with 500 (Stripe keeps the 500)',
  timeouts: 'done, never answered',
  resetAfterProcessing: 'done, then the connection is cut',
  truncated: 'done, the answer breaks off in its body',
  html: 'done, but an HTML page (502) comes in place of the answer',
  drip: 'done, the answer comes at a byte each 100 ms',
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;

/**
 * One rule of misbehaviour. At most one of the rule's kinds applies to a request: they are drawn
 * together, so their shares must not add up to more than 1.
 */
export interface FaultRule extends Partial<Record<FaultKind, number | true>> {
  /**
   * The delay of answers, at random between the two. At Stripe the idempotency key is in use
   * meanwhile.
   */
  latencyMs?: [from: number, to: number];
  /**
   * For `late` and `lateAfterReset`: the delay until the request takes effect. Without it, the
   * request waits for a release.
   */
  lateMs?: number;
  /** More requests per second than this are answered with 429. */
  rateLimit?: number;
  /** A regular expression that must match the path, or method and path (`POST /v1/customers`). */
  path?: string;
  /** Applies only to this many matching requests. */
  count?: number;
  /** Applies only for this time from now. */
  forMs?: number;
  /** The same seed gives the same faults for the same sequence of requests. */
  seed?: number;
}

/** An active rule. */
export type ActiveRule = Omit<FaultRule, 'forMs'> & { untilMs?: number };

/** The fault of one request. */
export interface Fate {
  kind: FaultKind | 'rateLimited' | undefined;
  latencyMs: number;
  /** For a 429. */
  retryAfterMs: number;
  /** For a late request; undefined means until it is released. */
  lateMs: number | undefined;
}

export interface Faults {
  rules(provider: Provider): ActiveRule[];
  /** Replaces the provider's rules. @throws RangeError for an invalid rule */
  set(provider: Provider, rules: FaultRule[]): void;
  draw(provider: Provider, request: { method: string; path: string }): Fate;
}

interface RunningRule {
  rule: ActiveRule;
  pattern: RegExp | undefined;
  random: () => number;
  bucket: { tokens: number; atMs: number };
}

/** The faults of both providers. They are stored, so that they survive a restart. */
export function openFaults(store: LocalStore, now: () => number): Faults {
  const load = (provider: Provider) =>
    (readSetting<ActiveRule[]>(store, `faults.${provider}`) ?? []).map((rule) => run(rule, now()));
  const running: Record<Provider, RunningRule[]> = {
    stripe: load('stripe'),
    sendgrid: load('sendgrid'),
  };

  const save = (provider: Provider) =>
    writeSetting(
      store,
      `faults.${provider}`,
      running[provider].map(({ rule }) => rule),
    );

  const dropFinished = (provider: Provider) => {
    const isOver = ({ rule }: RunningRule) =>
      rule.count === 0 || (rule.untilMs !== undefined && rule.untilMs <= now());
    if (!running[provider].some(isOver)) return;
    running[provider] = running[provider].filter((one) => !isOver(one));
    save(provider);
  };

  return {
    rules(provider) {
      dropFinished(provider);
      return running[provider].map(({ rule }) => rule);
    },
    set(provider, rules) {
      for (const rule of rules) checkRule(rule);
      running[provider] = rules.map(({ forMs, ...rule }) =>
        run(forMs === undefined ? rule : { ...rule, untilMs: now() + forMs }, now()),
      );
      save(provider);
    },
    draw(provider, { method, path }) {
      const fate: Fate = { kind: undefined, latencyMs: 0, retryAfterMs: 0, lateMs: undefined };
      if (running[provider].length === 0) return fate;
      dropFinished(provider);
      for (const one of running[provider]) {
        const { rule, pattern } = one;
        if (pattern && !pattern.test(path) && !pattern.test(`${method} ${path}`)) continue;
        if (rule.count !== undefined) {
          rule.count -= 1;
          save(provider);
        }
        fate.latencyMs += latency(one);
        if (fate.kind !== undefined) continue;
        const waitMs = rateLimitWait(one, now());
        if (waitMs > 0) Object.assign(fate, { kind: 'rateLimited', retryAfterMs: waitMs });
        else Object.assign(fate, { kind: drawKind(one), lateMs: rule.lateMs });
      }
      return fate;
    },
  };
}

function run(rule: ActiveRule, nowMs: number): RunningRule {
  return {
    rule,
    pattern: rule.path === undefined ? undefined : new RegExp(rule.path),
    random: rule.seed === undefined ? Math.random : seededRandom(rule.seed),
    bucket: { tokens: Math.max(1, rule.rateLimit ?? 1), atMs: nowMs },
  };
}

function drawKind({ rule, random }: RunningRule): FaultKind | undefined {
  const drawn = random();
  let edge = 0;
  for (const kind of Object.keys(FAULT_KINDS) as FaultKind[]) {
    edge += Number(rule[kind] ?? 0);
    if (drawn < edge) return kind;
  }
  return undefined;
}

function latency({ rule, random }: RunningRule): number {
  const [from, to] = rule.latencyMs ?? [0, 0];
  return from === to ? from : from + (to - from) * random();
}

/**
 * Milliseconds until the rate limit admits a request; 0 if it passes. The bucket holds one second's
 * worth.
 */
function rateLimitWait({ rule: { rateLimit }, bucket }: RunningRule, nowMs: number): number {
  if (rateLimit === undefined) return 0;
  const refilled = bucket.tokens + ((nowMs - bucket.atMs) / 1000) * rateLimit;
  bucket.tokens = Math.min(Math.max(1, rateLimit), refilled);
  bucket.atMs = nowMs;
  if (bucket.tokens < 1) return ((1 - bucket.tokens) / rateLimit) * 1000;
  bucket.tokens -= 1;
  return 0;
}

const OTHER_FIELDS = ['latencyMs', 'lateMs', 'rateLimit', 'path', 'count', 'forMs', 'seed'];

function checkRule(rule: FaultRule): void {
  const wrong = (message: string) => new RangeError(message);
  let total = 0;
  for (const [name, value] of Object.entries(rule)) {
    if (Object.hasOwn(FAULT_KINDS, name)) {
      const share = Number(value);
      if (!(share >= 0 && share <= 1)) throw wrong(`${name} must be true or a share from 0 to 1`);
      total += share;
    } else if (!OTHER_FIELDS.includes(name)) {
      throw wrong(`there is no fault ${name}`);
    }
  }
  if (total > 1 + 1e-9) throw wrong('the shares of one rule add up to more than 100%');
  const [from = 0, to = 0] = rule.latencyMs ?? [];
  if (!(from >= 0 && to >= from)) {
    throw wrong('latencyMs must be two numbers of milliseconds, the smaller first');
  }
  if (rule.rateLimit !== undefined && !(rule.rateLimit > 0)) {
    throw wrong('rateLimit must be above zero');
  }
  if (rule.lateMs !== undefined) {
    if (!(rule.lateMs >= 0)) throw wrong('lateMs must be zero or more');
    if (!rule.late && !rule.lateAfterReset) throw wrong('lateMs needs late or lateAfterReset');
  }
  if (rule.count !== undefined && !(Number.isInteger(rule.count) && rule.count > 0)) {
    throw wrong('count must be a whole number above zero');
  }
  if (rule.forMs !== undefined && !(rule.forMs > 0)) throw wrong('forMs must be above zero');
  try {
    new RegExp(rule.path ?? '');
  } catch {
    throw wrong(`path is not a regular expression: ${rule.path}`);
  }
}

/**
 * Random numbers from 0 to 1 that are the same for the same seed (mulberry32).
 * @internal Exported for its tests.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
