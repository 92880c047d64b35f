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
    const domain = ['donations', 'receipts', 'queue', 'filter', 'audit', 'health'].flatMap(
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
      expect(path).toMatch(/^commands\/(context\.ts|sandbox\/|demo\/|demo\.ts|webhooks\/)/);
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
