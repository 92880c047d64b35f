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

  it('only worker start imports jobs from commands', () => {
    const doors = below('commands/').flatMap(({ path, own }) =>
      own.filter((name) => name.startsWith('jobs/')).map((name) => `${path} → ${name}`),
    );
    expect(doors.sort()).toEqual(['commands/worker/start.ts → jobs/run-worker.ts']);
  });

  it('the domain sees providers’ interfaces, never an SDK or a double', () => {
    const domain = [
      'donations',
      'receipts',
      'queue',
      'filter',
      'bulk',
      'imports',
      'audit',
      'health',
      'alerts',
    ].flatMap((folder) => below(`lib/${folder}/`));
    for (const { path, own } of domain) {
      const providers = own.filter((name) => name.startsWith('lib/providers/'));
      expect(
        providers.filter((name) => !/providers\/(payments|mail|errors)\.ts$/.test(name)),
        path,
      ).toEqual([]);
    }
  });

  it('only the wiring and the sandbox’s own commands import the sandbox', () => {
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
    const leaves = [
      'errors',
      'money',
      'ids',
      'clock',
      'mask',
      'parse',
      'text',
      'launcher',
      'output/text',
      'trace',
    ].map((name) => `lib/${name}.ts`);
    for (const { path, own } of sources.filter(({ path }) => leaves.includes(path))) {
      expect(
        own.filter((name) => !leaves.includes(name)),
        path,
      ).toEqual([]);
    }
  });
});

describe('circles', () => {
  it('there are no circular imports, types included', () => {
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
 * The writer of each table: a folder of src, or one file. Other code calls its functions. A table
 * with two writers has two kinds of rows, or the entry says why.
 */
const OWNERS: Record<string, string[]> = {
  address_problems: ['lib/receipts/addresses.ts'],
  alert_deliveries: ['lib/alerts/'],
  alert_silences: ['lib/alerts/silences.ts'],
  // Gifts are recorded one by one, and by imports in sets of thousands; imports take back what they made.
  allocations: ['lib/donations/record.ts', 'lib/imports/commit/'],
  audit_log: ['lib/audit/record.ts'],
  batches: ['lib/imports/commit/'],
  charges: ['lib/donations/'],
  currencies: ['lib/db/migrate.ts'],
  discarded_jobs: ['lib/queue/change/discard.ts', 'lib/queue/change/restore.ts'],
  disputes: ['lib/donations/refund.ts'],
  donations: ['lib/donations/', 'lib/imports/commit/'],
  // Donors are found one by one, and by imports in sets.
  donor_emails: ['lib/donors/', 'lib/imports/'],
  donor_sources: ['lib/donors/', 'lib/imports/match/'],
  donors: ['lib/donors/', 'lib/imports/'],
  gift_aid_declarations: ['lib/donors/gift-aid.ts'],
  health_states: ['lib/health/states.ts'],
  health_turn: ['lib/health/states.ts'],
  import_donors: ['lib/imports/'],
  import_emails: ['lib/imports/commit/'],
  import_rows: ['lib/imports/commit/'],
  incident_events: ['lib/alerts/'],
  incidents: ['lib/alerts/'],
  // Attempts that ended, and those that ended with their worker.
  job_attempts: ['lib/queue/run/', 'lib/queue/change/rescue.ts'],
  job_verdicts: ['lib/queue/run/'],
  monitor_snapshot: ['lib/monitor/shared.ts'],
  organization_versions: ['lib/organizations/organization.ts'],
  organizations: ['lib/organizations/organization.ts'],
  paced_retries: ['lib/queue/change/recall.ts'],
  receipt_counters: ['lib/receipts/'],
  receipt_deliveries: ['lib/receipts/'],
  receipt_donations: ['lib/receipts/'],
  receipt_templates: ['lib/receipts/kept-templates.ts'],
  receipts: ['lib/receipts/'],
  recurring_runs: ['lib/recurring/runs.ts'],
  refunds: ['lib/donations/refund.ts'],
  samples: ['lib/samples/record.ts'],
  schema_migrations: ['lib/db/migrate.ts'],
  // Single rows: the mode of the database, until when failures of others were adopted, the last
  // maintenance.
  settings: ['lib/db/prepare.ts', 'lib/queue/run/adopt.ts', 'lib/queue/run/upkeep-turn.ts'],
  soft_credits: ['lib/imports/commit/'],
  task_pauses: ['lib/queue/run/pauses.ts'],
  webhook_events: ['lib/webhooks/seen.ts'],
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
      .flatMap((sql) => [...sql.matchAll(/^create (?:unlogged )?table donations\.(\w+) \($/gm)])
      .flatMap(([, table]) => table ?? []),
  );

  it('each have an owner', () => {
    // The migrator creates the table of migrations itself.
    created.add('schema_migrations');
    expect(Object.keys(OWNERS).sort()).toEqual([...created].sort());
  });

  it.each(Object.entries(OWNERS))('%s is written by its owner alone', (table, owners) => {
    const writers = writes.filter((write) => write.table === table).map(({ path }) => path);
    expect(writers.filter((path) => !owners.some((owner) => path.startsWith(owner)))).toEqual([]);
    // Every listed owner writes.
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
    ['undici', ['lib/providers/http-call.ts']],
    ['better-sqlite3', ['lib/local/sqlite.ts']],
    ['csv-parse', ['lib/imports/read/csv.ts', 'lib/imports/read/dialect.ts']],
    ['hucre', ['lib/imports/read/workbook.ts', 'lib/imports/read/xlsx.ts']],
    ['saxes', ['lib/imports/read/xml.ts']],
    ['pg-copy-streams', ['lib/imports/match/session.ts']],
    ['handlebars', ['lib/receipts/check-template.ts', 'lib/receipts/templates.ts']],
    ['pdfkit', ['lib/pdf/writer.ts']],
    ['bidi-js', ['lib/pdf/line.ts']],
    ['subset-font', ['lib/pdf/fonts.ts']],
    ['prom-client', ['lib/metrics/metrics.ts']],
    ['nodemailer', ['lib/alerts/routes/smtp.ts']],
  ])('%s is imported in one file', (name, files) => {
    expect(importers(name)).toEqual(files);
  });

  it('OpenTelemetry is imported by its folder alone', () => {
    const found = sources.filter(({ packages }) =>
      packages.some((name) => name.startsWith('@opentelemetry/')),
    );
    expect(found.map(({ path }) => path).sort()).toEqual([
      'lib/telemetry/open-telemetry.ts',
      'lib/telemetry/otel-meter.ts',
    ]);
  });

  it('Ink and React are imported by the monitor alone', () => {
    for (const name of ['ink', 'react']) {
      expect(importers(name).length).toBeGreaterThan(0);
      for (const path of importers(name)) expect(path).toMatch(/^commands\/monitor\//);
    }
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
    /^commands\/(jobs|audit|alerts|statements)\/[^/]+$/.test(path),
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
