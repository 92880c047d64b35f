import { PassThrough } from 'node:stream';
import type { Argument, Command, Option } from 'commander';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createContext } from '../../src/commands/context.ts';
import { execute } from '../../src/commands/execute.ts';
import { EXIT_CODES } from '../../src/commands/exit-codes.ts';
import { buildProgram } from '../../src/commands/program.ts';
import type { Db } from '../../src/lib/db/database.ts';
import { type Io, processIo } from '../../src/lib/output/io.ts';
import { runCli } from '../support/cli.ts';
import { type System, startSystem } from '../support/system.ts';
import { announceSeed, budget, TEST_TIMEOUT_MS } from './budget.ts';
import { amountText, durationText, filterTerm, hostileText, idText, RAW } from './hostile.ts';

announceSeed();

let system: System;
beforeAll(async () => {
  system = await startSystem({ DONATIONS_QUEUE_READ_TIMEOUT_MS: '60000' });
  await populate(system.db);
});
afterAll(() => system.close());

/** Adds jobs of every state with hostile errors and payloads. */
async function populate(db: Db): Promise<void> {
  const text = '\u001b[31mred\u202e\u200b\u009b2J, `$(id)` {{x}} =1+1\r\nnext';
  await db.query(
    `select graphile_worker.add_job('send_receipt', payload => $1, max_attempts => 5, run_at => now() + n * interval '1 hour')
     from generate_series(-3, 3) n`,
    [JSON.stringify({ donation_id: `don_${text}`, campaign: text })],
  );
  await db.query(
    `select graphile_worker.permanently_fail_jobs(array_agg(id), $1)
     from (select id from graphile_worker._private_jobs order by id limit 3) failed`,
    [text],
  );
}

// Commands that run until they are stopped, or that start and stop what other commands of the run
// need.
const NOT_HERE =
  /^(demo|worker start|webhooks listen|sandbox (start|stop|serve|reset|inbox|fault|refund|webhooks)|db (start|stop|reset))$/;

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

/** Plausible values for each placeholder in the help. */
const PLAUSIBLE: [RegExp, fc.Arbitrary<string>][] = [
  [/<time>/, fc.oneof(fc.constantFrom('2h', '10m', '1h30m', '36525d', '2026-11-23'), durationText)],
  [/<(n|count)>/, fc.constantFrom('1', '5', '100')],
  [/<rate>/, fc.constantFrom('10/s', '600/m')],
  [/<share>/, fc.constantFrom('20%', '100%')],
  [/<amount>/, fc.oneof(fc.constantFrom('50', '1,250.00', '0.01'), amountText)],
  [/<code>/, fc.constantFrom('usd', 'eur', 'jpy')],
  [/<address>/, fc.constantFrom('ada@example.org', 'bo@example.org')],
  [/payment-method/, fc.constantFrom('pm_card_visa', 'pm_card_chargeDeclined', 'tok_visa')],
  [/<name>/, fc.oneof(fc.constantFrom('Ada', '寄付'), hostileText)],
  [/^task$|<task>/, fc.constantFrom('send_receipt', 'charge_card', 'nosuch')],
  [/filter/, fc.oneof(filterTerm, fc.constantFrom('task:send_receipt', 'state:failed', '1'))],
  [/<id>|^(id|ref)$/, idText],
];

/** A value for an option or argument: mostly a plausible one, otherwise anything. */
function wordFor(of: Option | Argument): fc.Arbitrary<string> {
  if (of.argChoices) {
    return fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...of.argChoices) },
      { weight: 1, arbitrary: hostileText },
    );
  }
  const asked = 'flags' in of ? of.flags : of.name();
  const [, plausible] = PLAUSIBLE.find(([pattern]) => pattern.test(asked)) ?? [];
  return fc.oneof(
    { weight: 6, arbitrary: plausible ?? anything },
    { weight: 1, arbitrary: anything },
  );
}

const optionOf = (option: Option): fc.Arbitrary<string[]> => {
  const name = option.long ?? option.flags;
  if (!option.required && !option.optional) return fc.constant([name]);
  return wordFor(option).chain((value) => fc.constantFrom([name, value], [`${name}=${value}`]));
};

const OUTPUTS = [['--json'], ['--output', 'csv'], ['--output=ndjson'], ['--json=nosuchfield']];

/** A command line of one command: the required parts, and some of the optional ones. */
const lineOf = ({ words, command }: Leaf): fc.Arbitrary<string[]> => {
  const writes = command.options.some(({ long }) => long === '--json');
  const free = command.options.filter(
    // No worker runs here, so --wait would never end; --watch and --follow end at a signal.
    ({ mandatory, long }) =>
      !mandatory && !['--json', '--output', '--wait', '--watch', '--follow'].includes(long ?? ''),
  );
  const must = command.options.filter(({ mandatory }) => mandatory);
  const given = command.registeredArguments.map((argument) =>
    fc.array(wordFor(argument), {
      minLength: argument.required ? 1 : 0,
      maxLength: argument.variadic ? 3 : 1,
    }),
  );
  const none = { weight: 3, arbitrary: fc.constant<string[]>([]) };
  return fc
    .tuple(
      fc.tuple(...must.map(optionOf)),
      free.length > 0
        ? fc.array(fc.constantFrom(...free).chain(optionOf), { maxLength: 3 })
        : fc.constant([]),
      fc.tuple(...given),
      writes
        ? fc.oneof(none, { weight: 2, arbitrary: fc.constantFrom(...OUTPUTS) })
        : none.arbitrary,
      fc.oneof(
        { weight: 15, arbitrary: none.arbitrary },
        { weight: 1, arbitrary: fc.tuple(anything) },
      ),
    )
    .map((parts) => [...words, ...parts.flat(2)]);
};

// Commands that move money are tried more often.
const LINES = commands.flatMap((leaf) =>
  Array<fc.Arbitrary<string[]>>(leaf.words[0] === 'donate' ? 5 : 1).fill(lineOf(leaf)),
);

const line: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 12, arbitrary: fc.oneof(...LINES) },
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

/** Runs a command line in this process, as on a terminal without a person. */
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

/** Counts everything that a command can change. */
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

/** How the progress bar of a bulk change is erased. */
const PROGRESS = '\r\u001b[K';
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
        expect(output.replaceAll(PROGRESS, '')).not.toMatch(RAW);
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
        // The kernel accepts no NUL, and at most 128 kB in an argument.
        line.filter((args) => args.every((arg) => !arg.includes('\0') && arg.length < 100_000)),
        async (args) => {
          const { code, stderr } = await runCli(args, {
            env: system.env,
            // Some commands write files.
            cwd: system.config.dataDir,
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
