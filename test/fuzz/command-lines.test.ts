import { PassThrough } from 'node:stream';
import type { Argument, Command, Option } from 'commander';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { execute } from '../../src/commands/execute.ts';
import { EXIT_CODES } from '../../src/commands/exit-codes.ts';
import { buildProgram } from '../../src/commands/program.ts';
import { type Io, processIo } from '../../src/lib/output/io.ts';
import { runCli } from '../support/cli.ts';
import { type System, startSystem } from '../support/system.ts';
import { announceSeed, budget, TEST_TIMEOUT_MS } from './budget.ts';
import { amountText, durationText, filterTerm, hostileText, idText, RAW } from './hostile.ts';

announceSeed();

let system: System;
beforeAll(async () => {
  system = await startSystem({ DONATIONS_QUEUE_READ_TIMEOUT_MS: '60000' });
});
afterAll(() => system.close());

// These run until they are stopped, or start and stop what other commands of the run stand on.
const NOT_HERE =
  /^(demo|worker start|webhooks listen|sandbox (start|stop|serve|reset)|db (start|stop|reset))$/;

interface Leaf {
  words: string[];
  command: Command;
}

function leaves(command: Command, words: string[] = []): Leaf[] {
  return command.commands.length === 0
    ? [{ words, command }]
    : command.commands.flatMap((child) => leaves(child, [...words, child.name()]));
}

const whole = await buildProgram(
  createContext({
    io: processIo({ color: false }),
    signal: new AbortController().signal,
    version: '0',
    args: [],
  }),
);
const commands = leaves(whole).filter(({ words }) => !NOT_HERE.test(words.join(' ')));

const anything = fc.oneof(
  hostileText,
  durationText,
  amountText,
  idText,
  filterTerm,
  fc.constantFrom('10/s', '20%', '5', 'usd', 'pm_card_visa', 'ada@example.org', 'send_receipt'),
);

/** What may follow an option or stand for an argument: what it asks for, or anything. */
const valueOf = (of: Option | Argument) =>
  of.argChoices ? fc.oneof(fc.constantFrom(...of.argChoices), hostileText) : anything;

const optionOf = (option: Option): fc.Arbitrary<string[]> => {
  const name = option.long ?? option.flags;
  if (!option.required && !option.optional) return fc.constant([name]);
  return valueOf(option).chain((value) => fc.constantFrom([name, value], [`${name}=${value}`]));
};

const lineOf = ({ words, command }: Leaf): fc.Arbitrary<string[]> => {
  const options = command.options.filter(({ mandatory }) => !mandatory);
  return fc
    .tuple(
      fc.tuple(...command.options.filter(({ mandatory }) => mandatory).map(optionOf)),
      fc.tuple(
        ...command.registeredArguments.map((argument) =>
          fc.array(valueOf(argument), {
            minLength: argument.required ? 1 : 0,
            maxLength: argument.variadic ? 3 : 1,
          }),
        ),
      ),
      options.length > 0
        ? fc.array(fc.constantFrom(...options).chain(optionOf), { maxLength: 4 })
        : fc.constant([]),
      fc.oneof(
        { weight: 4, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.tuple(hostileText) },
      ),
      fc.constantFrom(
        [],
        ['--json'],
        ['--json=nosuchfield'],
        ['--output', 'csv'],
        ['--output=ndjson'],
      ),
    )
    .map(([must, given, may, stray, output]) => [
      ...words,
      ...must.flat(),
      ...may.flat(),
      ...stray,
      ...given.flat(),
      ...output,
    ]);
};

const line: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...commands).chain(lineOf) },
  { weight: 1, arbitrary: fc.array(anything, { maxLength: 4 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('jobs', 'receipts', 'audit', 'help', 'db'), anything)
      .map((words) => [...words]),
  },
);

interface Outcome {
  code: number | undefined;
  output: string;
}

/** Runs a command line in this process, as on a terminal that nobody sits at. */
async function run(args: string[]): Promise<Outcome> {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 90 });
  let output = '';
  stream.on('data', (chunk: string) => {
    output += chunk;
  });
  const out = stream as unknown as NodeJS.WriteStream;
  const io: Io = {
    stdin: process.stdin,
    stdout: out,
    stderr: out,
    env: system.env,
    cwd: system.config.dataDir,
    color: false,
  };
  const context = createContext({ io, args, signal: new AbortController().signal, version: '0' });
  try {
    return { code: await execute(context), output };
  } finally {
    process.exitCode = undefined;
    await context.close();
  }
}

/** How much there is of everything that a command can change. */
async function traces(): Promise<unknown> {
  const { rows } = await system.db.query(
    `select (select count(*) from donations.donors) as donors,
       (select count(*) from donations.donations) as donations,
       (select count(*) from donations.audit_log) as audit,
       (select count(*) from donations.task_pauses) as pauses,
       (select count(*) from graphile_worker._private_jobs) as jobs`,
  );
  return rows[0];
}

const DOCUMENTED: number[] = EXIT_CODES.map(({ code }) => code);

it(
  'a command line is carried out, or refused with nothing done',
  async () => {
    await fc.assert(
      fc.asyncProperty(line, async (args) => {
        const before = await traces();
        const { code, output } = await run(args);
        expect(DOCUMENTED).toContain(code);
        expect(output).not.toMatch(/this is a bug|^ {4}at /m);
        expect(code).not.toBe(70);
        expect(output).not.toMatch(RAW);
        // Usage, not found, not confirmed, wrong settings: nothing was changed.
        if ([2, 3, 4, 78].includes(code ?? 70)) expect(await traces()).toEqual(before);
      }),
      { ...budget(5), timeout: 60_000 },
    );
  },
  TEST_TIMEOUT_MS * 2,
);

it(
  'the built command says the same, and never hangs',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        // The kernel takes no NUL and no more than 128 kB in an argument.
        line.filter((args) => args.every((arg) => !arg.includes('\0') && arg.length < 100_000)),
        async (args) => {
          const { code, stderr } = await runCli(args, {
            env: system.env,
            signal: AbortSignal.timeout(60_000),
          });
          expect(DOCUMENTED).toContain(code);
          expect([70, 130]).not.toContain(code);
          expect(stderr).not.toMatch(/this is a bug|^ {4}at /m);
          expect(stderr).not.toMatch(RAW);
        },
      ),
      budget(3),
    );
  },
  TEST_TIMEOUT_MS * 2,
);
