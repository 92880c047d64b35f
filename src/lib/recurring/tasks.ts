export const MINUTE_MS = 60_000;

/** The work that workers repeat by themselves; of all workers one runs each at a time. */
export const RECURRING = {
  samples: { everyMs: MINUTE_MS, about: 'count the queue for charts and reports' },
  health: { everyMs: 10_000, about: 'judge by the health rules, open and close incidents' },
  upkeep: {
    everyMs: 10 * MINUTE_MS,
    about: 'make and drop partitions, delete what is past its retention, adopt failed jobs',
  },
} as const;

export type RecurringName = keyof typeof RECURRING;
export const RECURRING_NAMES = Object.keys(RECURRING) as RecurringName[];
