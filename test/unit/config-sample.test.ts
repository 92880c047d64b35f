import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { MEANINGS, sampleConfig } from '../../src/lib/config-sample.ts';
import { DEFAULTS, SETTINGS } from '../../src/lib/config-schema.ts';

const valueAt = (table: object, name: string) =>
  name.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], table);

describe('the sample of the settings', () => {
  it('says what each setting means', () => {
    expect(Object.keys(MEANINGS)).toEqual(SETTINGS);
  });

  it('is TOML that sets what was given, and nothing else', () => {
    expect(parse(sampleConfig({}))).toEqual(
      Object.fromEntries(
        [...new Set(SETTINGS.filter((name) => name.includes('.')))].map((name) => [
          name.split('.')[0],
          name.startsWith('receipts') ? { from: {} } : {},
        ]),
      ),
    );
    const address = ['1 "Bank" Street', 'Leeds\\'];
    const table = parse(sampleConfig({ mode: 'test', 'organization.address': address }));
    expect(table.mode).toBe('test');
    expect(valueAt(table, 'organization.address')).toEqual(address);
  });

  it('has each setting with its default as a comment that can be taken away', () => {
    const table = parse(sampleConfig({}).replace(/^# (\w+ = )/gm, '$1'));
    for (const name of SETTINGS) expect(valueAt(table, name), name).toBeDefined();
    for (const [name, value] of Object.entries(DEFAULTS))
      expect(valueAt(table, name)).toEqual(value);
  });
});
