import { describe, expect, it } from 'vitest';
import { BRANCHES } from '../../src/commands/branches.ts';
import { createContext } from '../../src/commands/context.ts';
import { buildProgram } from '../../src/commands/program.ts';
import { processIo } from '../../src/lib/output/io.ts';
import { runCli } from '../support/cli.ts';

const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
const context = createContext({
  io: processIo({ color: false }),
  signal: new AbortController().signal,
  version: '0.0.0',
  args: [],
});
const program = await buildProgram(context);

/** All leaves of the command tree, hidden ones too, as the words that name them. */
function leaves(command: typeof program, words: string[] = []): string[][] {
  const children = command.commands;
  return children.length === 0
    ? [words]
    : children.flatMap((child) => leaves(child, [...words, child.name()]));
}

describe('every command', () => {
  it.each(leaves(program).map((words) => [words.join(' '), words] as const))(
    '%s: --help begins with two examples',
    async (name, words) => {
      const { code, stdout } = await runCli([...words, '--help'], { env });
      expect(code).toBe(0);
      expect(stdout.startsWith('Examples:\n')).toBe(true);
      const lines = stdout.split('\n\n')[0]?.split('\n').slice(1) ?? [];
      expect(lines.length).toBeGreaterThanOrEqual(2);
      // Each example is one of our command lines and names the command (or one that belongs to it).
      expect(lines.every((line) => line.startsWith('  $ '))).toBe(true);
      if (name !== 'help') expect(lines.some((line) => line.includes('donations'))).toBe(true);
    },
  );
});

it('every verb is loaded by its name', async () => {
  for (const branch of BRANCHES) {
    if (!('verbs' in branch)) continue;
    for (const [name, load] of Object.entries({ ...branch.verbs, ...branch.hidden }))
      expect((await load())(context).name()).toBe(name);
  }
});

describe('the command line', () => {
  it('alone says in 24 lines of 80 what there is', async () => {
    const { code, stdout, stderr } = await runCli([], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    const visible = program.createHelp().visibleCommands(program);
    for (const command of visible) expect(stdout).toMatch(new RegExp(`\\b${command.name()}\\b`));
  });

  it('suggests what was meant', async () => {
    const { code, stderr } = await runCli(['worker', 'lst'], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/list/);
  });

  it.each([
    [['nonsense']],
    [['donate', '--nonsense']],
    [['worker']],
    [['show']],
    [['show', 'a', 'b']],
    [['jobs', 'policy', '--output', 'xml']],
  ])('%j is a usage error: exit code 2 and a line on stderr', async (args) => {
    const { code, stderr } = await runCli(args, { env });
    expect(code).toBe(2);
    expect(stderr.trim()).not.toBe('');
  });

  it('writes errors as JSON for scripts', async () => {
    const { code, stderr } = await runCli(['jobs', 'policy', '--json=nonsense'], { env });
    expect(code).toBe(2);
    const { error } = JSON.parse(stderr);
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('nonsense') });
    expect(error.hint).toContain('error_class');
  });

  it('documents its exit codes', async () => {
    const { code, stdout } = await runCli(['help', 'exit-codes'], { env });
    expect(code).toBe(0);
    for (const exit of [0, 1, 2, 3, 4, 5, 69, 70, 75, 78, 130, 143])
      expect(stdout).toMatch(new RegExp(`^${exit}\\t`, 'm'));
  });

  it('prints its version', async () => {
    const { code, stdout } = await runCli(['--version'], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('prints the policy as a table, as JSON and as CSV', async () => {
    const table = await runCli(['jobs', 'policy'], { env });
    expect(table.stdout).toMatch(/send_receipt\tunknown_outcome\thold/);
    const json = JSON.parse((await runCli(['jobs', 'policy', '--json'], { env })).stdout);
    expect(json).toContainEqual(
      expect.objectContaining({ task: 'send_receipt', error_class: 'permanent', decision: 'fail' }),
    );
    const csv = await runCli(['jobs', 'policy', '--output', 'csv'], { env });
    expect(csv.stdout.split('\r\n')[0]).toBe('task,error_class,decision,consequence,meaning');
  });
});
