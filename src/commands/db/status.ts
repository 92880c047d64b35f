import { Command } from 'commander';
import { addressOf } from '../../lib/db/address.ts';
import { type Column, type OutputOptions, renderOne } from '../../lib/output/render.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';

interface Row {
  kind: 'embedded' | 'external';
  running: boolean;
  host: string | undefined;
  dataDir: string | undefined;
  pid: number | undefined;
  version: string | undefined;
  mode: string | undefined;
  pending: string[] | undefined;
}

const COLUMNS: Column<Row>[] = [
  { name: 'kind', header: 'KIND', value: (row) => row.kind },
  {
    name: 'status',
    header: 'STATUS',
    value: (row) => (row.running ? 'running' : 'stopped'),
    tone: (row) => (row.running ? 'good' : 'warn'),
  },
  { name: 'host', header: 'HOST', value: (row) => row.host },
  { name: 'pid', header: 'PID', value: (row) => row.pid },
  { name: 'data_dir', header: 'DATA', value: (row) => row.dataDir },
  { name: 'postgres_version', header: 'POSTGRES', value: (row) => row.version },
  { name: 'mode', header: 'MODE', value: (row) => row.mode },
  {
    name: 'pending_migrations',
    header: 'PENDING',
    value: (row) => row.pending,
    text: (row) => row.pending?.join(', ') ?? '',
  },
];

/** `donations db status`: whether the database is running, its address, version and mode. */
export function dbStatusCommand(context: Context): Command {
  const command = new Command('status').description(
    'show whether the database is running, its address, version and mode; starts nothing',
  );
  return examples(withOutput(command, COLUMNS), [
    ['donations db status', 'for people'],
    ['donations db status --json=status', 'for a script'],
  ]).action(async (options: OutputOptions) => {
    const { databaseUrl, dataDir } = await context.connection();
    const { embeddedStatus } = await import('../../lib/db/embedded.ts');
    const embedded = databaseUrl ? undefined : await embeddedStatus({ dataDir });
    const url = databaseUrl ?? embedded?.url;
    const row: Row = {
      kind: databaseUrl ? 'external' : 'embedded',
      running: url !== undefined,
      host: url && addressOf(url)?.server,
      dataDir: embedded?.dataDir,
      pid: embedded?.pid,
      version: undefined,
      mode: undefined,
      pending: undefined,
    };
    renderOne(context.io, options, COLUMNS, url ? { ...row, ...(await ask(url)) } : row);
  });
}

async function ask(url: string): Promise<Pick<Row, 'version' | 'mode' | 'pending'>> {
  const [{ openDb }, { migrationState }, { readMode }] = await Promise.all([
    import('../../lib/db/database.ts'),
    import('../../lib/db/migrate.ts'),
    import('../../lib/db/prepare.ts'),
  ]);
  const db = openDb({ url, applicationName: 'donations db status' });
  try {
    const { rows } = await db.query<{ server_version: string }>('show server_version');
    const { applied, pending } = await migrationState(db);
    return {
      version: rows[0]?.server_version,
      mode: applied.length > 0 ? await readMode(db) : undefined,
      pending,
    };
  } finally {
    await db.close();
  }
}
