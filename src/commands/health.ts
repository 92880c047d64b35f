import { Command, Option } from 'commander';
import { usageError } from '../lib/errors.ts';
import type { Assessment, HealthReason } from '../lib/health/assess.ts';
import { paint, plain, print } from '../lib/output/io.ts';
import {
  type Column,
  chosenFormat,
  fieldsOf,
  type OutputOptions,
  render,
  renderOne,
} from '../lib/output/render.ts';
import { snakeCase } from '../lib/output/snake-case.ts';
import { lookOf } from '../lib/output/status.ts';
import type { Context } from './context.ts';
import { explain } from './report-error.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';

// The monitoring-plugin convention, which every scheduler of checks knows:
// https://www.monitoring-plugins.org/doc/guidelines.html#AEN78
const EXITS = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
type Verdict = keyof typeof EXITS;

/** With what comes before and after, the answer is there within five seconds. */
const LIMIT_MS = 4000;
const LOOKS_MS = 3000;

const FIELDS = fieldsOf('status', 'summary', 'at', 'reasons', 'unread');
const REASONS: Column<HealthReason>[] = [
  { name: 'level', header: 'LEVEL', value: (row) => row.level },
  { name: 'rule', header: 'RULE', value: (row) => row.rule },
  { name: 'subject', header: 'OF', value: (row) => row.subject },
  { name: 'text', header: 'WHAT', value: (row) => row.text },
];

type Options = OutputOptions & { nagios?: boolean };

/** `donations health`: whether things are well, in one line and an exit code. */
export function healthCommand(context: Context): Command {
  const command = new Command('health')
    .description(
      'report problems by the health rules; exits 0 ok, 1 warning, 2 critical, 3 unknown',
    )
    .addOption(new Option('--nagios', 'one line as monitoring plugins write it'));
  return examples(withOutput(command, FIELDS), [
    ['donations health', 'the verdict and its reasons in one line'],
    ['donations health --nagios', 'for Nagios, Icinga and others of their kind'],
  ]).action(async (options: Options) => {
    if (options.nagios && chosenFormat(options).format !== 'table')
      throw usageError('--nagios is a format of its own', 'Leave out --json or --output.');
    const { status, summary, assessment } = await verdict(context);
    tell(context, options, status, summary, assessment);
    process.exitCode = EXITS[status];
  });
}

interface Told {
  status: Verdict;
  summary: string;
  assessment: Assessment | undefined;
}

async function verdict(context: Context): Promise<Told> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Postgres did not answer within ${LIMIT_MS / 1000} s`)),
      LIMIT_MS,
    );
  });
  try {
    const look = assessNow(context);
    // A result after the limit is ignored.
    look.catch(() => {});
    const assessment = await Promise.race([look, late]);
    const { level, reasons, unread } = assessment;
    const why = reasons.map(({ text }) => text);
    if (unread.length > 0) why.push(`not looked at in time: ${unread.join(', ')}`);
    const status = level === 'ok' && unread.length > 0 ? 'unknown' : level;
    return { status, summary: why.join('; ') || 'all is well', assessment };
  } catch (error) {
    const failure =
      error instanceof Error && 'code' in error ? await explain(error, context) : undefined;
    const summary = failure?.message ?? (error as Error).message;
    return { status: 'unknown', summary: summary.split('\n')[0] ?? '', assessment: undefined };
  } finally {
    clearTimeout(timer);
  }
}

/** Not with `context.db()`: that starts the embedded database, migrates and writes. */
async function assessNow(context: Context): Promise<Assessment> {
  const [{ assess }, { resolveRules }, { openDb }, { embeddedStatus }] = await Promise.all([
    import('../lib/health/assess.ts'),
    import('../lib/health/rule-settings.ts'),
    import('../lib/db/database.ts'),
    import('../lib/db/embedded.ts'),
  ]);
  const { databaseUrl, databaseDirectUrl: directUrl, dataDir, health } = await context.config();
  const url = databaseUrl ?? (await embeddedStatus({ dataDir })).url;
  if (url === undefined) throw new Error('the embedded database does not run: donations db start');
  const db = openDb({ url, directUrl, applicationName: 'donations health', poolSize: 1 });
  const close = () => db.close().catch(() => {});
  try {
    return await assess(db, {
      rules: resolveRules(health.rules),
      withinMs: LOOKS_MS,
      dataDir: databaseUrl === undefined ? dataDir : undefined,
    });
  } finally {
    close();
  }
}

function tell(
  context: Context,
  options: Options,
  status: Verdict,
  summary: string,
  assessment: Assessment | undefined,
) {
  const { io } = context;
  const { format } = chosenFormat(options);
  const reasons = assessment?.reasons ?? [];
  if (options.nagios) {
    const count = (level: string) => reasons.filter((reason) => reason.level === level).length;
    const data = assessment ? ` | warnings=${count('warning')} criticals=${count('critical')}` : '';
    // A bar would begin the performance data.
    return print(
      io,
      `DONATIONS ${status.toUpperCase()} - ${plain(summary).replaceAll('|', '/')}${data}`,
    );
  }
  if (format === 'csv') return render(io, options, REASONS, reasons);
  if (format !== 'table') {
    const at = assessment?.at ?? null;
    return renderOne(io, options, FIELDS, {
      status,
      summary,
      at,
      reasons: snakeCase(reasons),
      unread: assessment?.unread ?? [],
    });
  }
  const { glyph, tone } =
    status === 'unknown' ? { glyph: '?', tone: 'bad' as const } : lookOf(status);
  print(io, `${paint(io, tone, `${glyph} ${status}`)}: ${plain(summary)}`);
}
