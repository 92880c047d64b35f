import { readFileSync } from 'node:fs';
import type { Key } from 'ink';
import { describe, expect, it } from 'vitest';
import {
  bindingOf,
  FOOTER,
  footerKeys,
  KEYMAP,
  keysAsMarkdown,
  whyOff,
} from '../../src/commands/monitor/keymap.ts';
import { KeyReader } from '../../src/commands/monitor/keys.ts';
import { Desk, job, SESSION } from './fixtures.ts';

describe('the keymap', () => {
  it('gives each key one meaning', () => {
    const keys = KEYMAP.flatMap((binding) => binding.keys);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(bindingOf(key)?.keys).toContain(key);
  });

  it('offers in the footer only what works now', () => {
    const desk = new Desk().press('5').answerJobs(job('1'));
    for (const binding of footerKeys(desk.state))
      expect(whyOff(binding, desk.state)).toBeUndefined();
    expect(footerKeys(desk.state).map(({ verb }) => verb)).toContain('mark');
    expect(footerKeys(new Desk().state).map(({ verb }) => verb)).not.toContain('mark');
  });

  it('knows the place in the footer of every key that has a word there', () => {
    const worded = KEYMAP.filter(
      ({ word, past }) => word !== undefined || (past && 'word' in past),
    ).map(({ verb }) => verb);
    expect([...FOOTER].sort()).toEqual(worded.sort());
  });

  it('takes away what changes something when nothing may be changed', () => {
    const { state } = new Desk({ session: { ...SESSION, readOnly: 'started with --read-only' } });
    for (const binding of KEYMAP.filter(({ changes }) => changes))
      expect(whyOff(binding, state)).toBe('started with --read-only');
  });

  it('is what the manual says', () => {
    const manual = readFileSync(new URL('../../docs/monitor.md', import.meta.url), 'utf8');
    expect(manual).toContain(keysAsMarkdown());
  });
});

describe('the keyboard', () => {
  const none = {} as Key;
  const key = (rest: Partial<Key>) => ({ ...none, ...rest }) as Key;

  it.each<[string, Partial<Key>, string[]]>([
    ['', { escape: true, meta: true }, ['escape']],
    ['\r', { return: true }, ['return']],
    ['', { upArrow: true }, ['up']],
    ['', { tab: true }, ['tab']],
    ['', { tab: true, shift: true }, ['shift+tab']],
    ['c', { ctrl: true }, ['ctrl+c']],
    ['G', { shift: true }, ['G']],
    [' ', {}, ['space']],
    ['', { delete: true }, ['delete']],
    ['jjj', {}, ['j', 'j', 'j']],
    ['5\r', {}, ['5', 'return']],
    ['é山', {}, ['é', '山']],
    ['[15~', {}, []],
    ['x', { meta: true }, []],
    ['a', { eventType: 'release' }, []],
  ])('%j %j is %j', (input, rest, names) => {
    expect(new KeyReader().read(input, key(rest))).toEqual(names.map((name) => ({ key: name })));
  });

  it('knows what was pasted', () => {
    const reader = new KeyReader();
    expect(reader.read('[200~', none)).toEqual([]);
    expect(reader.read('rm -rf', none)).toEqual([]);
    expect(reader.read('\r', key({ return: true }))).toEqual([]);
    expect(reader.read('q', none)).toEqual([]);
    expect(reader.read('[201~', none)).toEqual([{ text: 'rm -rf q' }]);
    expect(reader.read('q', none)).toEqual([{ key: 'q' }]);
  });
});
