import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import { launcherPath } from '../src/lib/launcher.ts';
import { openStage, type Stage } from './stage.ts';
import { printTable, verdict } from './table.ts';

const ROWS = Math.round(1_000_000 * Number(process.env.BENCH_SCALE ?? 1));
const DONORS = Math.max(1, Math.round(ROWS / 4));
const MOST_MB = 250;

const HEADER =
  'Gift ID,Date,First Name,Last Name,Email,Street,City,State,Zip,Country,Amount,Currency,Method,Check Number,Fund,Campaign';

/** A whole import with receipts against COPY of the same rows into a plain table, in one run. */
export async function bench(): Promise<void> {
  const stage = await openStage();
  try {
    const file = join(stage.dataDir, 'gifts.csv');
    await pipeline(Readable.from(lines()), createWriteStream(file));
    console.log(
      `${ROWS.toLocaleString('en-US')} gifts of ${DONORS.toLocaleString('en-US')} donors`,
    );
    const copy = await plainCopy(stage, file);
    const first = run(stage, ['import', 'offline', file, '--yes', '--receipts', '--json']);
    expectResult(first.out, 'imported');
    const second = run(stage, ['import', 'offline', file, '--yes', '--receipts', '--json']);
    expectResult(second.out, 'duplicates');
    const seconds = (ms: number) => (ms / 1000).toFixed(1);
    printTable(
      ['what', 'seconds', 'rows/s', 'against', 'memory (MB)'],
      [
        ['COPY into a plain table', seconds(copy), perSecond(copy), '', ''],
        [
          'import with receipts',
          seconds(first.ms),
          perSecond(first.ms),
          `${verdict(first.ms / copy, 8, 'at most')} × COPY`,
          verdict(first.megabytes, MOST_MB, 'at most'),
        ],
        [
          'the same file again',
          seconds(second.ms),
          perSecond(second.ms),
          `${verdict(second.ms / first.ms, 1, 'at most')} × the first`,
          verdict(second.megabytes, MOST_MB, 'at most'),
        ],
      ],
    );
  } finally {
    await stage.close();
  }
}

const perSecond = (ms: number) => Math.round((ROWS * 1000) / ms).toLocaleString('en-US');

function* lines(): Generator<string> {
  yield `${HEADER}\n`;
  let text = '';
  for (let i = 0; i < ROWS; i++) {
    const donor = i % DONORS;
    const day = String(1 + (i % 28)).padStart(2, '0');
    const month = String(1 + (Math.floor(i / DONORS) % 10)).padStart(2, '0');
    text += `G${i},2026-${month}-${day},Ada${donor},Lovelace${donor % 5000},ada${donor}@example.org,${donor} Main Street,Newark,NJ,07105,US,${10 + (i % 500)}.${10 + (i % 90)},USD,Check,${1000 + i},Clean Water,Autumn 2026\n`;
    if (text.length < 100_000) continue;
    yield text;
    text = '';
  }
  yield text;
}

/** What psql's `\copy` does: the unchanged file, to a table of texts with a primary key. */
async function plainCopy({ databaseUrl }: Stage, file: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const columns = HEADER.split(',').map((_, i) => `c${i} text${i === 0 ? ' primary key' : ''}`);
  await client.query(`create table bench_plain (${columns.join(', ')})`);
  const start = performance.now();
  await pipeline(
    createReadStream(file),
    client.query(copyStreams.from('copy bench_plain from stdin with (format csv, header)')),
  );
  const ms = performance.now() - start;
  await client.query('drop table bench_plain');
  await client.end();
  return ms;
}

function run({ dataDir, databaseUrl }: Stage, args: string[]) {
  const rss = join(dataDir, 'rss');
  const hook = `data:text/javascript,import{writeFileSync}from'node:fs';process.on('exit',()=>writeFileSync(${JSON.stringify(rss)},String(process.resourceUsage().maxRSS)))`;
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', hook, launcherPath(), ...args],
    {
      env: { PATH: process.env.PATH, DONATIONS_DATA_DIR: dataDir, DATABASE_URL: databaseUrl },
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return {
    ms: performance.now() - start,
    out: JSON.parse(stdout) as Record<string, number>,
    megabytes: Math.round(Number(readFileSync(rss, 'utf8')) / 1024),
  };
}

function expectResult(result: Record<string, number>, all: string): void {
  if (result.rows !== ROWS || result[all] !== ROWS)
    throw new Error(`not all rows are ${all}: ${JSON.stringify(result)}`);
}
