import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { JOBS_PER_SLOT, Slots } from '../../src/lib/queue/run/slots.ts';

/** A job whose steps end when the test ends them. */
function job(slots: Slots) {
  const steps: (() => void)[] = [];
  const step = () => new Promise<void>((resolve) => steps.push(resolve));
  const state = { at: 'waiting' };
  const ended = (async () => {
    const place = await slots.enter({ prepares: true });
    if (!place) {
      state.at = 'sent away';
      return;
    }
    state.at = 'preparing';
    await step();
    state.at = 'prepared';
    await place.call(async () => {
      state.at = 'calling';
      await step();
    });
    state.at = 'recording';
    await step();
    place.leave();
    state.at = 'done';
  })();
  return {
    state,
    ended,
    async next() {
      steps.shift()?.();
      await turn();
    },
  };
}
const at = (jobs: ReturnType<typeof job>[], where: string) =>
  jobs.filter(({ state }) => state.at === where).length;

describe('slots', () => {
  it('limit calls, and let only as many jobs prepare as keep them busy', async () => {
    const slots = new Slots(2);
    const jobs = Array.from({ length: 12 }, () => job(slots));
    await turn();
    for (let i = 0; i < 100 && at(jobs, 'done') < 12; i++) {
      expect(at(jobs, 'calling')).toBeLessThanOrEqual(2);
      expect(at(jobs, 'preparing') + at(jobs, 'prepared')).toBeLessThanOrEqual(
        2 * (JOBS_PER_SLOT - 1),
      );
      await jobs.find(({ state }) => !['done', 'waiting', 'prepared'].includes(state.at))?.next();
    }
    expect(at(jobs, 'done')).toBe(12);
  });

  it('are free while the result of a call is recorded', async () => {
    const slots = new Slots(1);
    const jobs = [job(slots), job(slots)] as const;
    await turn();
    for (const each of jobs) await each.next();
    expect(jobs.map(({ state }) => state.at)).toEqual(['calling', 'prepared']);
    await jobs[0].next();
    expect(jobs.map(({ state }) => state.at)).toEqual(['recording', 'calling']);
  });

  it('refuse waiting jobs when the worker stops; started ones end', async () => {
    const slots = new Slots(1);
    const jobs = Array.from({ length: 6 }, () => job(slots));
    await turn();
    const begun = at(jobs, 'preparing');
    slots.close();
    await turn();
    expect(at(jobs, 'sent away')).toBe(6 - begun);
    expect(await slots.enter({ prepares: true })).toBeUndefined();
    for (let i = 0; i < 40; i++) {
      await jobs.find(({ state }) => !['done', 'sent away', 'prepared'].includes(state.at))?.next();
    }
    expect(at(jobs, 'done')).toBe(begun);
  });

  it('refuse jobs that wait for a slot and have not started', async () => {
    const slots = new Slots(1);
    const first = await slots.enter({ prepares: false });
    const second = slots.enter({ prepares: false });
    const prepared = await slots.enter({ prepares: true });
    const called = prepared?.call(async () => 'called');
    slots.close();
    expect(await second).toBeUndefined();
    expect(await first?.call(async () => 'first')).toBe('first');
    expect(await called).toBe('called');
  });

  it('let one prepare for each slot when calls take long, and more when preparing does', async () => {
    const slots = new Slots(10);
    for (let i = 0; i < 30; i++) {
      const place = await slots.enter({ prepares: true });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await place?.call(async () => {});
    }
    expect(slots.lead).toBeGreaterThan(10);
    for (let i = 0; i < 30; i++) {
      const place = await slots.enter({ prepares: true });
      await place?.call(() => new Promise((resolve) => setTimeout(resolve, 20)));
    }
    expect(slots.lead).toBe(10);
  });

  it('are freed by a job that fails before its call', async () => {
    const slots = new Slots(1);
    for (let i = 0; i < 10; i++) (await slots.enter({ prepares: true }))?.leave();
    const place = await slots.enter({ prepares: true });
    await expect(
      place?.call(async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await (await slots.enter({ prepares: true }))?.call(async () => 'yes')).toBe('yes');
  });
});
