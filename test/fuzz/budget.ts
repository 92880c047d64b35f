const seconds = Number(process.env.FUZZ_SECONDS ?? 0);

/**
 * How long and from which seed a property is tried. `npm test` tries the same inputs every time and
 * takes seconds; `npm run fuzz` takes FUZZ_SECONDS a property, from FUZZ_SEED or a new seed.
 */
const SEED = Number(
  process.env.FUZZ_SEED ?? (seconds > 0 ? Math.floor(Math.random() * 2 ** 31) : 20261125),
);

/** @param share of the time: some properties are slower than others. */
export function budget(share = 1) {
  return {
    seed: SEED,
    numRuns: seconds > 0 ? 10_000_000 : 20_000,
    interruptAfterTimeLimit: share * (seconds > 0 ? seconds * 1000 : 1500),
    markInterruptAsFailure: false,
  } as const;
}

/** As long as a test may take with this budget and shrinking. */
export const TEST_TIMEOUT_MS = 120_000 + seconds * 3000;

/** Says where to begin again. */
export function announceSeed(): void {
  process.stderr.write(`fuzz: FUZZ_SEED=${SEED} FUZZ_SECONDS=${seconds || 'short'}\n`);
}
