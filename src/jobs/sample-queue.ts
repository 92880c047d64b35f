import { z } from 'zod';
import type { Db } from '../lib/db/database.ts';
import { recordSamples } from '../lib/samples/record.ts';
import type { Task } from './task.ts';

/** Samples the queue once a minute: what the monitor's charts are made of. */
export function sampleQueue({ db }: { db: Db }): Task<'sample_queue'> {
  return {
    payload: z.object({}),
    async run() {
      await recordSamples(db);
      return { outcome: 'succeeded' };
    },
  };
}
