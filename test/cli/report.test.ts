import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { addNight, at, NIGHT, type Night, ZONE } from '../support/night.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let night: Night;
const dir = mkdtempSync(join(tmpdir(), 'donations-report-'));
beforeAll(async () => {
  system = await startSystem({ DONATIONS_ORGANIZATION_TIME_ZONE: ZONE });
  night = await addNight(system.db);
});
afterAll(async () => {
  await system.close();
  rmSync(dir, { recursive: true });
});

const report = (...args: string[]) => runCli(['report', ...args], { env: system.env });
const ofNight = ['--from', NIGHT.from, '--to', NIGHT.to];

describe('donations report --from --to', () => {
  it('tells a script what happened', async () => {
    const { code, stdout } = await report(...ofNight, '--json');
    expect(code).toBe(0);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      from: at('02:00:00'),
      to: at('05:00:00'),
      time_zone: ZONE,
      // 140 minutes without an outage or a gap; the outage retries 12 a minute and fails 2 in one.
      totals: { done: 5600, retried: 360, failed: 2, held: 0 },
      longest_wait_ms: 29 * 60_000,
      donors: {
        wrong: { jobs: 2, donors: 2, amounts: [{ currency: 'eur' }, { currency: 'usd' }] },
        late: { jobs: 1, donors: 1, from_ms: 60_000 },
      },
      open: [{ donation: night.donation, status: 'failed', since: at('03:10:00') }],
      incidents: [
        { incident: night.incident, level: 'critical', donor_count: 2, cause: 'SendGrid: 503' },
      ],
    });
    expect(told.changes.map(({ action }: { action: string }) => action)).toEqual([
      'jobs.pause',
      'jobs.resume',
    ]);
    const lives = told.workers.map((worker: Record<string, string>) => [
      worker.version,
      worker.ended_at,
      worker.ending,
    ]);
    expect(lives).toEqual([
      ['0.1.0', at('03:40:00'), 'stopped'],
      ['0.2.0', at('04:29:50'), 'lost'],
      ['0.2.0', null, null],
    ]);
    expect(told.errors).toMatchObject([
      { attempts: 2, job_count: 2, donor_count: 2, open: 1, error: 'SendGrid answered 503' },
      { attempts: 1, job_count: 1, donor_count: 1, open: 1 },
    ]);
    const longest = told.samples.find((bucket: { at: string }) => bucket.at === at('03:28:00'));
    expect(longest).toMatchObject({ done: 0, retried: 24, wait_ms: 29 * 60_000 });
    expect(told.missing).toEqual([
      'In 5 of 90 columns of the charts no worker saw how long jobs waited.',
    ]);
  });

  it('tells a person, in the organisation’s time', async () => {
    const { code, stdout } = await report(...ofNight);
    expect(code).toBe(0);
    expect(stdout).toContain('What happened on 2026-03-10 from 02:00 to 05:00');
    expect(stdout).toContain('1 job began more than 1m late: 1 donor, gifts of €25.00 EUR.');
    expect(stdout).toContain('1 gift of that is failed or held now.');
    expect(stdout).not.toContain('\u001b');
  });

  it('says which attempts no worker has counted, because none has run since', async () => {
    await system.db.query(
      `insert into donations.job_attempts (job_id, task, attempt, started_at, latency_ms, duration_ms, outcome)
       values (99, 'send_receipt', 1, $1, 0, 0, 'succeeded')`,
      [at('05:10:00')],
    );
    const uncounted = 'Not in the counts and charts yet: 1 attempt after the last sample.';
    const later = await report('--from', NIGHT.from, '--to', '2026-03-10 05:30');
    expect(later.stdout.split('\n')[4]).toContain(uncounted);
    expect((await report(...ofNight)).stdout).not.toContain('Not in the counts');
  });

  it.each([
    [['--from', '2030-01-01'], /in the future/],
    [['--from', '2026-03-10 05:00', '--to', '2026-03-10 02:00'], /is not after/],
    [['--from', '26:00'], /not a time/],
    [['--daily', '--from', '02:00'], /two reports/],
    [['--daily', '--html', 'x.html'], /belong to --from/],
    [['--from', '02:00', '--day', '2026-03-10'], /--day belongs to --daily/],
  ])('refuses %j', async (args, reason) => {
    const { code, stderr } = await report(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
  });
});

describe('the page', () => {
  let html: string;
  const file = join(dir, 'night.html');
  beforeAll(async () => {
    const { code, stdout, stderr } = await report(...ofNight, '--html', file);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain(file);
    html = readFileSync(file, 'utf8');
  });

  it('is for its owner alone, because it names donors', () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(html).toContain('Zoë &lt;b&gt;Bold&lt;/b&gt;');
  });

  it('says so when the file cannot be written', async () => {
    const { code, stderr } = await report(...ofNight, '--html', join(dir, 'none', 'x.html'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/x\.html cannot be written \(ENOENT\)/);
  });

  it('has no scripts, and nothing from elsewhere', () => {
    expect(html).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|src=|\bon\w+=/i);
    expect(html).not.toMatch(/https?:/);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot;');
    expect(html).not.toContain('\u001b');
  });

  it('can be read without seeing it', () => {
    expect(html).toContain('<html lang="en">');
    const levels = [...html.matchAll(/<h(\d)/g)].map(([, level]) => level);
    expect(levels[0]).toBe('1');
    expect(levels.slice(1).every((level) => level === '2')).toBe(true);
    const charts = html.match(/<svg [^>]*>/g) ?? [];
    expect(charts).toHaveLength(3);
    for (const chart of charts) {
      const [, title = '', about = ''] = /aria-labelledby="(\S+) (\S+)"/.exec(chart) ?? [];
      expect(html).toMatch(new RegExp(`<title id="${title}">[^<]+</title>`));
      expect(html).toMatch(new RegExp(`<desc id="${about}">[^<]+</desc>`));
    }
    for (const table of html.match(/<table.*?<\/thead>/gs) ?? [])
      expect(table).toMatch(/<caption>.+<th role="columnheader" scope="col"/s);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

if (!chromium)
  process.stderr.write('The tests of the page need a browser: apt-get install chromium\n');

describe.skipIf(!chromium)('the page in a browser', () => {
  /** Opens the page at this width, and runs a script of the test's own in a copy of it. */
  async function inBrowser(width: number, script: string): Promise<Record<string, unknown>> {
    const page = join(dir, 'night.html');
    await report(...ofNight, '--html', page);
    const { writeFile } = await import('node:fs/promises');
    const probed = join(dir, `probe-${width}.html`);
    const code = `<script>document.title = JSON.stringify((() => {${script}})());</script></body>`;
    const open = readFileSync(page, 'utf8').replace(/<meta http-equiv[^>]*>/, '');
    await writeFile(
      probed,
      open.replace('</body>', () => code),
    );
    const { stdout } = await promisify(execFile)(
      chromium as string,
      [
        ...[
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--dump-dom',
          '--virtual-time-budget=1000',
        ],
        ...[`--user-data-dir=${join(dir, 'profile')}`, `--window-size=${width},900`],
        `file://${probed}`,
      ],
      { maxBuffer: 20_000_000 },
    );
    const [, json = ''] = /<title>(.*?)<\/title>/s.exec(stdout) ?? [];
    return JSON.parse(
      json.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    );
  }

  // The contrast of each text with the ground behind it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
  const LOOK = `
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
        if (a > 0) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const texts = [...document.querySelectorAll('body *')].filter((node) => !node.closest('svg') && node.tagName !== 'SCRIPT' &&
      [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()));
    const contrast = Math.min(...texts.map((node) => {
      const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    }));
    const charts = [...document.querySelectorAll('svg')].map((svg) => svg.getBoundingClientRect());
    return {
      contrast,
      sideways: document.documentElement.scrollWidth - window.innerWidth,
      inner: window.innerWidth,
      charts: charts.map(({ width, height }) => [Math.round(width), Math.round(height)]),
      smallest: Math.min(...texts.map((node) => parseFloat(getComputedStyle(node).fontSize))),
    };`;

  it.each([1200, 500])(
    'fits a window %i wide, with contrast and without small print',
    async (width) => {
      const seen = await inBrowser(width, LOOK);
      expect(seen.contrast).toBeGreaterThanOrEqual(4.5);
      expect(seen.sideways).toBeLessThanOrEqual(0);
      expect(seen.smallest).toBeGreaterThanOrEqual(12);
      for (const [chartWidth, height] of seen.charts as [number, number][]) {
        expect(chartWidth).toBeGreaterThan(Math.min(900, (seen.inner as number) * 0.9));
        expect(height).toBeGreaterThan(80);
      }
    },
  );
});
