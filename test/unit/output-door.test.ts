import type { Argument, Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { buildProgram } from '../../src/commands/program.ts';
import { UserError } from '../../src/lib/errors.ts';
import { processIo } from '../../src/lib/output/io.ts';

const program = () =>
  buildProgram(
    createContext({
      io: processIo({ color: false }),
      signal: new AbortController().signal,
      version: '0.0.0',
      args: [],
    }),
  );

interface Leaf {
  words: string[];
  command: Command;
}

function leaves(command: Command, words: string[] = []): Leaf[] {
  return command.commands.length === 0
    ? [{ words, command }]
    : command.commands.flatMap((child) => leaves(child, [...words, child.name()]));
}

// The monitor has --json without --output: it only reads, and its fields are those of a snapshot.
const writes = ({ command }: Leaf) =>
  ['--json', '--output'].every((name) => command.options.some(({ long }) => long === name));
const anyValue = (of: Option | Argument) =>
  of.argChoices?.[0] ?? (of.name() === 'task' ? 'send_receipt' : 'x');

/** The required words of a command. */
const needed = ({ command }: Leaf): string[] => [
  ...command.options
    .filter(({ mandatory }) => mandatory)
    .flatMap((option) => [option.long as string, anyValue(option)]),
  ...command.registeredArguments.filter(({ required }) => required).map(anyValue),
];

/** Parses the command line of one command with an action that only records that it ran. */
async function tryLine(name: string, args: string[]): Promise<{ ran: boolean; error: unknown }> {
  const root = await program();
  const leaf = leaves(root).find(({ words }) => words.join(' ') === name) as Leaf;
  let ran = false;
  leaf.command.action(() => {
    ran = true;
  });
  const error = await root
    .parseAsync([...leaf.words, ...needed(leaf), ...args], { from: 'user' })
    .then(() => undefined)
    .catch((thrown) => thrown);
  return { ran, error };
}

const writers = leaves(await program()).filter(writes);

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
