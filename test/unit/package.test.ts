import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;

describe('the package', () => {
  it('holds what an installed donations reads as it runs, and no sources', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    const built = (folder: string, name: string) =>
      readdirSync(`${ROOT}src/lib/${folder}`).map((file) => `dist/${name}/${file}`);
    expect(paths).toEqual(
      expect.arrayContaining([
        'bin/donations',
        'dist/main.js',
        'dist/donations.1',
        'docs/deploy.md',
        ...built('db/migrations', 'migrations'),
        ...built('receipts/templates', 'templates'),
      ]),
    );
    const { man } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
    expect(paths.map((path) => `./${path}`)).toEqual(expect.arrayContaining(man));
    expect(paths.filter((path) => /^(src|test|bench)\//.test(path))).toEqual([]);
  });
});
