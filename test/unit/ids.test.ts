import { expect, it, vi } from 'vitest';
import { ID_PREFIXES, type IdKind, idMaker, newId } from '../../src/lib/ids.ts';

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

it('makes many like one: each different, of the same form, in the order of their making', () => {
  const next = idMaker('donation');
  const ids = Array.from({ length: 20_000 }, next);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^don_[0-9a-hjkmnp-tv-z]{26}$/);
  const start = Date.now();
  vi.useFakeTimers();
  try {
    const later = [1, 1000, 86_400_000, 31_536_000_000].map((ms) => {
      vi.setSystemTime(start + ms);
      return next();
    });
    expect([...later].sort()).toEqual(later);
    expect((later[0] as string) > (ids[0] as string)).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
