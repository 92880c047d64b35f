const seconds = Number(process.env.FUZZ_SECONDS ?? 0);

/**
 * The time and the seed of properties. `npm test` always tries the same inputs and takes seconds.
 * `npm run fuzz` takes FUZZ_SECONDS a property, with FUZZ_SEED or a new seed.
 */
const SEED = Number(
  process.env.FUZZ_SEED ?? (seconds > 0 ? Math.floor(Math.random() * 2 ** 31) : 20261125),
);

/** @param share of the time, because some properties are slower than others. */
export function budget(share = 1) {
  return {
    seed: SEED,
    numRuns: seconds > 0 ? 10_000_000 : 20_000,
    interruptAfterTimeLimit: share * (seconds > 0 ? seconds * 1000 : 1500),
    markInterruptAsFailure: false,
  } as const;
}

/** The time limit of a test with this budget, including shrinking. */
export const TEST_TIMEOUT_MS = 120_000 + seconds * 3000;

/** Prints the seed for a repetition. */
export function announceSeed(): void {
  process.stderr.write(`fuzz: FUZZ_SEED=${SEED} FUZZ_SECONDS=${seconds || 'short'}\n`);
}
