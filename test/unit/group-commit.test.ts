import { expect, it, vi } from 'vitest';
import { type Gathering, groupCommit } from '../../src/lib/db/group-commit.ts';

/** Batches that end when the test ends them. */
function controlled(options?: Gathering) {
  const batches: {
    items: number[];
    end: (results?: string[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const submit = groupCommit<number, string>(
    (items) =>
      new Promise((resolve, reject) => {
        batches.push({
          items,
          end: (results = items.map((item) => `did ${item}`)) => resolve(results),
          fail: reject,
        });
      }),
    options,
  );
  const begun = (count: number) => vi.waitFor(() => expect(batches).toHaveLength(count));
  return { batches, submit, begun };
}

it('puts all items of one turn in one batch, and returns each its own result', async () => {
  const { batches, submit, begun } = controlled();
  const all = Promise.all([1, 2, 3].map(submit));
  await begun(1);
  expect(batches[0]?.items).toEqual([1, 2, 3]);
  batches[0]?.end();
  expect(await all).toEqual(['did 1', 'did 2', 'did 3']);
});

it('collects items while it is busy, and starts the next batch by itself', async () => {
  const { batches, submit, begun } = controlled();
  const first = submit(1);
  await begun(1);
  const rest = [2, 3].map(submit);
  await new Promise(setImmediate);
  rest.push(submit(4));
  await new Promise(setImmediate);
  expect(batches).toHaveLength(1);
  batches[0]?.end();
  expect(await first).toBe('did 1');
  await begun(2);
  expect(batches[1]?.items).toEqual([2, 3, 4]);
  batches[1]?.end();
  expect(await Promise.all(rest)).toEqual(['did 2', 'did 3', 'did 4']);
});

it('puts at most so many items in a batch', async () => {
  const { batches, submit, begun } = controlled({ maxItems: 2 });
  const all: Promise<string>[] = [];
  for (const item of [1, 2, 3, 4, 5]) {
    all.push(submit(item));
    await new Promise(setImmediate);
  }
  for (const [i, items] of [[1], [2, 3], [4, 5]].entries()) {
    await begun(i + 1);
    expect(batches[i]?.items).toEqual(items);
    batches[i]?.end();
  }
  expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5].map((item) => `did ${item}`));
});

it('fails every item of the batch and no other', async () => {
  const { batches, submit, begun } = controlled();
  const bad = Promise.allSettled([1, 2].map(submit));
  await begun(1);
  const good = submit(3);
  const error = new Error('no');
  batches[0]?.fail(error);
  expect(await bad).toEqual([
    { status: 'rejected', reason: error },
    { status: 'rejected', reason: error },
  ]);
  await begun(2);
  batches[1]?.end();
  expect(await good).toBe('did 3');
});

it('lets items gather while they are few, and starts at once with one that comes alone or with enough', async () => {
  const { batches, submit, begun } = controlled({ enough: 2, gapMs: 3_600_000 });
  const alone = submit(1);
  await begun(1);
  const second = submit(2);
  batches[0]?.end();
  expect(await alone).toBe('did 1');
  await new Promise(setImmediate);
  expect(batches).toHaveLength(1);
  const third = submit(3);
  await begun(2);
  expect(batches[1]?.items).toEqual([2, 3]);
  batches[1]?.end();
  expect(await Promise.all([second, third])).toEqual(['did 2', 'did 3']);
});

it('starts what few items there are when the gap is over', async () => {
  const { batches, submit, begun } = controlled({ enough: 2, gapMs: 1 });
  for (const item of [1, 2, 3]) {
    const result = submit(item);
    await begun(item);
    batches[item - 1]?.end();
    expect(await result).toBe(`did ${item}`);
  }
});
