import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../src/', import.meta.url).pathname;

interface Source {
  path: string;
  text: string;
  /** Imports of our own files, relative to src. */
  own: string[];
  packages: string[];
}

const sources: Source[] = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
      ([, name]) => name as string,
    );
    return {
      path,
      text,
      own: specifiers
        .filter((name) => name.startsWith('.'))
        .map((name) => normalize(join(dirname(path), name))),
      packages: specifiers.filter((name) => !name.startsWith('.')),
    };
  });

const below = (folder: string) => sources.filter(({ path }) => path.startsWith(folder));
const importers = (name: string) =>
  sources
    .filter(({ packages }) => packages.some((used) => used === name || used.startsWith(`${name}/`)))
    .map(({ path }) => path)
    .sort();

describe('the arrows', () => {
  it('finds the sources', () => {
    expect(sources.length).toBeGreaterThan(80);
  });

  it('lib imports neither commands nor jobs', () => {
    for (const { path, own } of below('lib/')) {
      expect(
        own.filter((name) => !name.startsWith('lib/')),
        path,
      ).toEqual([]);
    }
  });

  it('jobs import lib only', () => {
    for (const { path, own } of below('jobs/')) {
      expect(
        own.filter((name) => name.startsWith('commands/')),
        path,
      ).toEqual([]);
    }
  });

  it('worker start is the only door from commands to jobs', () => {
    const doors = below('commands/').flatMap(({ path, own }) =>
      own.filter((name) => name.startsWith('jobs/')).map((name) => `${path} → ${name}`),
    );
    expect(doors.sort()).toEqual(['commands/worker/start.ts → jobs/run-worker.ts']);
  });

  it('the domain sees providers’ interfaces, never an SDK or a double', () => {
    const domain = ['donations', 'receipts', 'queue', 'filter', 'bulk', 'audit', 'health'].flatMap(
      (folder) => below(`lib/${folder}/`),
    );
    for (const { path, own } of domain) {
      const providers = own.filter((name) => name.startsWith('lib/providers/'));
      expect(
        providers.filter((name) => !/providers\/(payments|mail|errors)\.ts$/.test(name)),
        path,
      ).toEqual([]);
    }
  });

  it('only the wiring and the sandbox’s own commands know of the sandbox', () => {
    const known = sources.filter(
      ({ path, own }) =>
        !path.startsWith('lib/sandbox/') && own.some((name) => name.startsWith('lib/sandbox/')),
    );
    for (const { path } of known) {
      expect(path).toMatch(
        /^commands\/(context\.ts|sandbox\/|demo\/|demo\.ts|stop\.ts|webhooks\/)/,
      );
    }
  });

  it('leaves import leaves', () => {
    const leaves = ['errors', 'money', 'ids', 'clock', 'mask', 'parse', 'text', 'launcher'].map(
      (name) => `lib/${name}.ts`,
    );
    for (const { path, own } of sources.filter(({ path }) => leaves.includes(path))) {
      expect(
        own.filter((name) => !leaves.includes(name)),
        path,
      ).toEqual([]);
    }
  });
});

describe('circles', () => {
  it('of imports there are none, types included', () => {
    const imports = new Map(sources.map(({ path, own }) => [path, own]));
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: string[]) => {
      if (trail.includes(path)) {
        circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
        return;
      }
      if (done.has(path)) return;
      for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const { path } of sources) visit(path, []);
    expect(circles).toEqual([]);
  });
});

/**
 * Who writes each table of ours: a folder of src, or one file. Others call its functions. A table
 * with two owners keeps two kinds of rows, each with an owner of its own, or says why.
 */
const OWNERS: Record<string, string[]> = {
  allocations: ['lib/donations/record.ts'],
  audit_log: ['lib/audit/record.ts'],
  // Imports write them.
  batches: [],
  charges: ['lib/donations/'],
  currencies: ['lib/db/migrate.ts'],
  discarded_jobs: ['lib/queue/change/discard.ts', 'lib/queue/change/restore.ts'],
  disputes: ['lib/donations/refund.ts'],
  donations: ['lib/donations/'],
  donor_emails: ['lib/donors/'],
  donor_sources: ['lib/donors/'],
  donors: ['lib/donors/'],
  // Attempts that ended, and those that ended with their worker.
  job_attempts: ['lib/queue/run/', 'lib/queue/change/rescue.ts'],
  job_verdicts: ['lib/queue/run/'],
  organization_versions: ['lib/organizations/organization.ts'],
  organizations: ['lib/organizations/organization.ts'],
  paced_retries: ['lib/queue/change/recall.ts'],
  receipt_counters: ['lib/receipts/'],
  receipt_deliveries: ['lib/receipts/'],
  receipt_donations: ['lib/receipts/'],
  receipts: ['lib/receipts/'],
  refunds: ['lib/donations/refund.ts'],
  schema_migrations: ['lib/db/migrate.ts'],
  // One row each: the mode of the database, until when failures of others were seen, the last upkeep.
  settings: ['lib/db/prepare.ts', 'lib/queue/run/adopt.ts', 'lib/queue/run/upkeep-turn.ts'],
  // Imports write them.
  soft_credits: [],
  task_pauses: ['lib/queue/run/pauses.ts'],
  // Events that were handled, and mails that events told of before they were on record here.
  webhook_events: ['lib/webhooks/seen.ts', 'lib/receipts/evidence.ts'],
  workers: ['lib/queue/run/workers.ts'],
};

describe('tables', () => {
  const STATEMENT =
    /\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate(?:\s+table)?|copy)\s+(?:only\s+)?donations\.(\w+)/gi;
  const writes = sources.flatMap(({ path, text }) =>
    [...text.matchAll(STATEMENT)].map(([, table = '']) => ({ path, table })),
  );
  const created = new Set(
    readdirSync(join(ROOT, 'lib/db/migrations'))
      .map((name) => readFileSync(join(ROOT, 'lib/db/migrations', name), 'utf8'))
      .flatMap((sql) => [...sql.matchAll(/^create table donations\.(\w+) \($/gm)])
      .flatMap(([, table]) => table ?? []),
  );

  it('each have an owner', () => {
    // The migrator makes the list of migrations itself.
    created.add('schema_migrations');
    expect(Object.keys(OWNERS).sort()).toEqual([...created].sort());
  });

  it.each(Object.entries(OWNERS))('%s is written by its owner alone', (table, owners) => {
    const writers = writes.filter((write) => write.table === table).map(({ path }) => path);
    expect(writers.filter((path) => !owners.some((owner) => path.startsWith(owner)))).toEqual([]);
    // No owner who does not write.
    expect(owners.filter((owner) => !writers.some((path) => path.startsWith(owner)))).toEqual([]);
  });

  it('of Graphile Worker are changed by its own functions alone', () => {
    const changed = sources.filter(({ text }) =>
      /\b(?:insert\s+into|update|delete\s+from)\s+graphile_worker\./i.test(text),
    );
    expect(changed.map(({ path }) => path)).toEqual([]);
  });
});

describe('packages', () => {
  it.each([
    ['stripe', ['lib/providers/stripe.ts']],
    ['@sendgrid/mail', ['lib/providers/sendgrid.ts']],
    ['@sendgrid/client', ['lib/providers/sendgrid.ts']],
    ['better-sqlite3', ['lib/local/sqlite.ts']],
    ['handlebars', ['lib/receipts/check-template.ts', 'lib/receipts/templates.ts']],
  ])('%s is imported in one file', (name, files) => {
    expect(importers(name)).toEqual(files);
  });

  it('graphile-worker is imported by the queue, the migration and the task wrapper (as a type)', () => {
    expect(importers('graphile-worker')).toEqual([
      'jobs/run-task.ts',
      'lib/db/migrate.ts',
      'lib/queue/run/pool.ts',
    ]);
  });
});

describe('commands', () => {
  const verbs = below('commands/').filter(({ path }) =>
    /^commands\/(jobs|audit)\/[^/]+$/.test(path),
  );

  it('are one verb a file, and short: the rest is shared or a thing of lib', () => {
    expect(verbs.length).toBeGreaterThan(12);
    for (const { path, text } of verbs) {
      expect(text, path).toMatch(/^export function \w+Command\(context: Context\): Command \{$/m);
      expect(text.split('\n').length, path).toBeLessThanOrEqual(81);
    }
  });
});

describe('habits', () => {
  it('has no default exports, no barrels, no module-level let', () => {
    for (const { path, text } of sources) {
      expect(text, path).not.toMatch(/^export default/m);
      expect(text, path).not.toMatch(/^export \* from/m);
      expect(text, path).not.toMatch(/^(export )?let /m);
    }
  });

  it('leaves nothing for later', () => {
    for (const { path, text } of sources) expect(text, path).not.toMatch(/\b(TODO|FIXME|XXX)\b/);
  });
});
