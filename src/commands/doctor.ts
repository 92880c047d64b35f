import { Command } from 'commander';
import type { CheckResult } from '../lib/health/doctor.ts';
import { type Io, paint, plain, print } from '../lib/output/io.ts';
import { type Column, chosenFormat, type OutputOptions, render } from '../lib/output/render.ts';
import { lookOf } from '../lib/output/status.ts';
import { wrapText } from '../lib/output/width.ts';
import type { Context } from './context.ts';
import { EXIT_CODE_OF } from './exit-codes.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

/** The time limit of one check. */
const LIMIT_MS = 15_000;

const COLUMNS: Column<CheckResult>[] = [
  { name: 'check', header: 'CHECK', value: (row) => row.check },
  { name: 'status', header: 'STATUS', value: (row) => row.status },
  { name: 'message', header: 'FOUND', value: (row) => row.message },
  { name: 'hint', header: 'WHAT TO DO', value: (row) => row.hint },
  { name: 'duration_ms', header: 'MS', value: (row) => row.durationMs },
];

/** `donations doctor`: checks the system, and says what to do about each problem. */
export function doctorCommand(context: Context): Command {
  const command = new Command('doctor').description(
    'check the installation, and say how to fix each problem',
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations doctor', 'exits 1 if a check fails'],
    ['donations doctor --json=check,status,hint', 'for a script'],
  ]).action(async (options: OutputOptions) => {
    const { io } = context;
    const results = await examine(context);
    if (chosenFormat(options).format === 'table') {
      for (const line of findings(io, results)) print(io, line);
    } else render(io, options, COLUMNS, results);
    if (results.some(({ status }) => status === 'failed')) process.exitCode = EXIT_CODE_OF.failed;
  });
}

/**
 * The results as lines for people, not wider than the terminal. What to do stays one line, because it
 * may have a command to paste.
 */
function findings(io: Io, results: CheckResult[]): string[] {
  const names = Math.max(...results.map(({ check }) => check.length));
  const indent = ' '.repeat(names + 4);
  const room = Math.max(20, (io.stdout.columns ?? Number.POSITIVE_INFINITY) - indent.length);
  return results.flatMap(({ check, status, message, hint }) => {
    const { glyph, tone } = lookOf(status);
    const [first = '', ...rest] = wrapText(plain(message), room);
    return [
      `${paint(io, tone, glyph)} ${check.padEnd(names)}  ${first}`,
      ...rest.map((line) => indent + line),
      ...(hint ? [indent + paint(io, 'bold', plain(hint))] : []),
    ];
  });
}

async function examine(context: Context): Promise<CheckResult[]> {
  const [{ doctorChecks }, { runChecks }, { openDb }] = await Promise.all([
    import('../lib/health/doctor-checks.ts'),
    import('../lib/health/doctor.ts'),
    import('../lib/db/database.ts'),
  ]);
  const config = await context.config();
  const opened: { close(): Promise<void> }[] = [];
  const checks = doctorChecks({
    config,
    clock: context.clock,
    nodeVersion: process.versions.node,
    connect: async () => {
      // `context.db()` would migrate the database, and refuse to open one with a problem that is
      // reported here.
      const db = openDb({
        url: await context.databaseUrl(),
        directUrl: (await context.config()).databaseDirectUrl,
        applicationName: 'donations doctor',
        statementTimeoutMs: 10_000,
      });
      opened.push(db);
      return db;
    },
    payments: context.payments,
    mail: context.mail,
  });
  try {
    return await runChecks(checks, LIMIT_MS);
  } finally {
    await Promise.all(opened.map((db) => db.close()));
  }
}
