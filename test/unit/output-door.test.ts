import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/lib/errors.ts';
import { allCommands, hasOption, tryLine } from '../support/commands.ts';

// The monitor has --json without --output: it only reads, and its fields are those of a snapshot.
const writers = (await allCommands()).filter(
  (leaf) => hasOption(leaf, '--json') && hasOption(leaf, '--output'),
);

describe('the options of the output are checked before anything is done', () => {
  it('finds the commands', () => {
    const names = writers.map(({ words }) => words.join(' '));
    expect(names.length).toBeGreaterThan(20);
    for (const name of ['donate', 'jobs pause', 'jobs retry', 'jobs restore', 'receipts resend'])
      expect(names).toContain(name);
  });

  it.each(writers.map(({ words }) => words.join(' ')))('%s', async (name) => {
    const right = await tryLine(name, ['--json=']);
    expect(right).toEqual({ ran: true, error: undefined });

    const wrong = await tryLine(name, ['--json=nosuchfield']);
    expect(wrong.ran).toBe(false);
    expect(wrong.error).toBeInstanceOf(UserError);
    expect(wrong.error).toMatchObject({
      code: 'usage',
      message: 'there is no field "nosuchfield"',
      hint: expect.stringMatching(/^Fields: \w+/),
    });

    // Every listed field exists.
    const fields = (wrong.error as UserError).hint?.replace('Fields: ', '').replaceAll(', ', ',');
    expect(await tryLine(name, [`--json=${fields}`])).toEqual({ ran: true, error: undefined });

    for (const args of [
      ['--output', 'xml'],
      ['--output', 'csv', '--json=x'],
      ['--output=table', '--json='],
    ]) {
      const { ran, error } = await tryLine(name, args);
      expect({ args, ran, refused: error !== undefined }).toEqual({
        args,
        ran: false,
        refused: true,
      });
    }
  });
});
