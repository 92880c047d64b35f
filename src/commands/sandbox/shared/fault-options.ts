import { usageError } from '../../../lib/errors.ts';
import {
  parseCount,
  parseDuration,
  parseDurationRange,
  parseRate,
  parseShare,
} from '../../../lib/parse.ts';
import type { FaultKind, FaultRule } from '../../../lib/sandbox/faults.ts';

/** Faults of a share of the requests: `--timeouts 20%`. */
export const SHARES = [
  'timeouts',
  'hangs',
  'resetAfterProcessing',
  'resetBeforeProcessing',
  'late',
  'lateAfterReset',
  'errors',
  'errorsAfterProcessing',
  'truncated',
  'html',
  'drip',
  'conflicts',
] as const satisfies FaultKind[];

/** Faults of all requests for a time: `--down 60s`. */
export const OUTAGES = [
  'down',
  'unavailable',
  'unauthorized',
  'forbidden',
] as const satisfies FaultKind[];

/** The options of `donations sandbox fault`, as Commander names them. */
export type FaultOptions = Partial<Record<(typeof SHARES)[number], string>> &
  Partial<Record<(typeof OUTAGES)[number], string | true>> & {
    rateLimit?: string;
    latency?: string;
    lateBy?: string;
    path?: string;
    count?: string;
    for?: string;
    seed?: string;
  };

/** Node's timers take at most 24 days; an hour is more than any client waits. */
const MAX_LATENCY_MS = 3_600_000;

/** The spelling of `resetAfterProcessing` as an option: `reset-after-processing`. */
export const kebab = (name: string) =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * The rules that the options ask for. Each outage is a separate rule, because it has its own end.
 * @throws UserError `usage`
 */
export function faultRules(options: FaultOptions): FaultRule[] {
  const common: FaultRule = {
    ...(options.path === undefined ? {} : { path: checkPattern(options.path) }),
    ...(options.count === undefined ? {} : { count: parseCount(options.count) }),
    ...(options.seed === undefined
      ? {}
      : { seed: parseCount(options.seed, { min: 0, max: 2 ** 32 - 1 }) }),
  };
  const forMs = options.for === undefined ? {} : { forMs: parseDuration(options.for) };

  const outages = OUTAGES.filter((kind) => options[kind] !== undefined).map((kind): FaultRule => {
    const time = options[kind];
    return {
      ...common,
      ...forMs,
      ...(typeof time === 'string' ? { forMs: parseDuration(time) } : {}),
      [kind]: true,
    };
  });
  const shares: FaultRule = {};
  for (const kind of SHARES) {
    const share = options[kind];
    if (share !== undefined) shares[kind] = parseShare(share);
  }
  const total = Object.values(shares).reduce((sum, share) => sum + Number(share), 0);
  if (total > 1 + 1e-9) throw usageError('the shares add up to more than 100%');
  if (options.lateBy !== undefined) {
    if (shares.late === undefined && shares.lateAfterReset === undefined) {
      throw usageError('--late-by needs --late or --late-after-reset');
    }
    shares.lateMs = parseDuration(options.lateBy);
  }
  if (options.rateLimit !== undefined) shares.rateLimit = parseRate(options.rateLimit);
  if (options.latency !== undefined)
    shares.latencyMs = parseDurationRange(options.latency, { max: MAX_LATENCY_MS });

  const rules =
    Object.keys(shares).length > 0 ? [...outages, { ...common, ...forMs, ...shares }] : outages;
  if (rules.length === 0) {
    throw usageError('no fault is given', 'List the faults: donations sandbox fault --help');
  }
  return rules;
}

function checkPattern(path: string): string {
  try {
    new RegExp(path);
  } catch {
    throw usageError(`--path "${path}" is not a regular expression`);
  }
  return path;
}
