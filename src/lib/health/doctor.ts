import { isConnectionError } from '../db/connection-error.ts';
import { UserError } from '../errors.ts';

/** The result of a check. `skipped` means that it needs something whose own check has failed. */
export interface Finding {
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  message: string;
  /** What to do about it. */
  hint?: string | undefined;
}

export interface Check {
  name: string;
  run: () => Promise<Finding>;
}

export interface CheckResult extends Finding {
  check: string;
  durationMs: number;
}

export const ok = (message: string): Finding => ({ status: 'ok', message });
export const warning = (message: string, hint: string): Finding => ({
  status: 'warning',
  message,
  hint,
});
export const failed = (message: string, hint?: string): Finding => ({
  status: 'failed',
  message,
  hint,
});
export const skipped = (message: string): Finding => ({ status: 'skipped', message });

/**
 * Runs the checks concurrently, each for at most `limitMs` milliseconds. An error in one check is
 * its own result and does not affect others.
 */
export function runChecks(checks: Check[], limitMs: number): Promise<CheckResult[]> {
  return Promise.all(
    checks.map(async ({ name, run }) => {
      const began = performance.now();
      const finding = await withinLimit(run().catch(findingOf), limitMs);
      return { check: name, ...finding, durationMs: Math.round(performance.now() - began) };
    }),
  );
}

async function withinLimit(finding: Promise<Finding>, limitMs: number): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<Finding>((resolve) => {
    timer = setTimeout(
      () =>
        resolve(
          failed(`no answer within ${limitMs / 1000} s`, 'Check the network connection to it.'),
        ),
      limitMs,
    );
  });
  try {
    return await Promise.race([finding, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function findingOf(error: unknown): Finding {
  if (error instanceof UserError) return failed(error.message, error.hint);
  const { message, code } = error as Error & { code?: string };
  if (isConnectionError(error)) return failed(`cannot be reached: ${message || code}`);
  return failed(message || String(error));
}
