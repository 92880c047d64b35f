import type { Argument, Command, Option } from 'commander';
import { createContext } from '../../src/commands/context.ts';
import { buildProgram } from '../../src/commands/program.ts';
import type { UserError } from '../../src/lib/errors.ts';
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

/** A command that does something, by its words: `jobs list`. */
export interface Leaf {
  words: string[];
  command: Command;
}

const leavesOf = (command: Command, words: string[] = []): Leaf[] =>
  command.commands.length === 0
    ? [{ words, command }]
    : command.commands.flatMap((child) => leavesOf(child, [...words, child.name()]));

/** Every command. */
export const allCommands = async (): Promise<Leaf[]> => leavesOf(await program());

export const hasOption = ({ command }: Leaf, name: string): boolean =>
  command.options.some(({ long }) => long === name);

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
export async function tryLine(
  name: string,
  args: string[],
): Promise<{ ran: boolean; error: unknown }> {
  const root = await program();
  const leaf = leavesOf(root).find(({ words }) => words.join(' ') === name) as Leaf;
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

/** The names of the fields of a command's JSON, which its error about an unknown field lists. */
export async function fieldNames(name: string, args: string[] = []): Promise<string[]> {
  const { error } = await tryLine(name, [...args, '--json=nosuchfield']);
  return (error as UserError).hint?.replace('Fields: ', '').split(', ') ?? [];
}
