import { expect, it, vi } from 'vitest';
import { ID_PREFIXES, type IdKind, newId } from '../../src/lib/ids.ts';

it.each(Object.entries(ID_PREFIXES))('a %s is %s_ and 26 characters', (kind, prefix) => {
  const id = newId(kind as IdKind);
  expect(id).toMatch(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`));
});

it('sorts by creation time', () => {
  const start = Date.now();
  vi.useFakeTimers();
  try {
    const ids = [0, 1, 1000, 86_400_000, 31_536_000_000].map((later) => {
      vi.setSystemTime(start + later);
      return newId('donation');
    });
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids.map((id) => id.slice(0, 14))).size).toBe(ids.length);
  } finally {
    vi.useRealTimers();
  }
});

it('is unique', () => {
  const ids = Array.from({ length: 20_000 }, () => newId('receipt'));
  expect(new Set(ids).size).toBe(ids.length);
});
