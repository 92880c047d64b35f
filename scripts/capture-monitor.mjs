// Draws the README's picture of the monitor: the demo runs for some minutes on a database of its own,
// and one frame is printed as SVG. `node scripts/capture-monitor.mjs [MINUTES] [FILE]`
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const minutes = Number(process.argv[2] ?? 10);
const file = process.argv[3] ?? `${root}docs/monitor.svg`;
const SIZE = { columns: 120, rows: 36 };
const launcher = `${root}bin/donations`;

const dataDir = mkdtempSync(join(tmpdir(), 'donations-capture-'));
chmodSync(dataDir, 0o755);
const env = {
  PATH: process.env.PATH,
  HOME: dataDir,
  DONATIONS_DATA_DIR: dataDir,
  LANG: 'C.UTF-8',
  FORCE_COLOR: '1',
};
const run = (...args) =>
  spawnSync(process.execPath, [launcher, ...args], { env, encoding: 'utf8' });

try {
  run('db', 'start');
  const demo = spawn(process.execPath, [launcher, 'demo'], { env, stdio: 'ignore' });
  await wait(minutes * 60_000);
  const size = ['--width', String(SIZE.columns), '--height', String(SIZE.rows)];
  const { stdout, stderr, status } = run('monitor', '--once', '--window', '15m', ...size);
  const ended = new Promise((resolve) => demo.once('exit', resolve));
  demo.kill('SIGINT');
  await ended;
  if (status !== 0) throw new Error(stderr);
  writeFileSync(file, toSvg(stdout.replaceAll(dataDir, '/var/lib/donations').split('\n')));
} finally {
  run('sandbox', 'stop');
  run('db', 'stop');
  rmSync(dataDir, { recursive: true, force: true });
}

/** Lines with the colours of SGR sequences, as a picture. */
function toSvg(lines) {
  const CELL = { width: 8, height: 17 };
  const COLORS = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 36: '#79c0ff' };
  const FRONT = '#d6dde6';
  const BACK = '#0d1117';
  const width = SIZE.columns * CELL.width + 24;
  const height = SIZE.rows * CELL.height + 24;
  const parts = [];
  const toXml = (text) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  for (const [row, line] of lines.entries()) {
    let style = { color: FRONT, bold: false, dim: false, inverse: false };
    let column = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
    for (const piece of line.split(/(\u001b\[[\d;]*m)/)) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
      const codes = /^\u001b\[([\d;]*)m$/.exec(piece)?.[1];
      if (codes !== undefined) {
        for (const code of codes.split(';').map(Number)) {
          if (code === 0) style = { color: FRONT, bold: false, dim: false, inverse: false };
          else if (code === 1) style = { ...style, bold: true };
          else if (code === 2) style = { ...style, dim: true };
          else if (code === 22) style = { ...style, bold: false, dim: false };
          else if (code === 7) style = { ...style, inverse: true };
          else if (code === 27) style = { ...style, inverse: false };
          else if (code === 39) style = { ...style, color: FRONT };
          else if (COLORS[code]) style = { ...style, color: COLORS[code] };
        }
        continue;
      }
      if (piece === '') continue;
      const cells = [...piece].length;
      const [x, y] = [12 + column * CELL.width, 12 + row * CELL.height];
      const length = cells * CELL.width;
      if (style.inverse)
        parts.push(
          `<rect x="${x}" y="${y}" width="${length}" height="${CELL.height}" fill="${style.color}"/>`,
        );
      if (piece.trim() !== '')
        parts.push(
          `<text x="${x}" y="${y + 13}" textLength="${length}" fill="${style.inverse ? BACK : style.color}"${
            style.bold ? ' font-weight="bold"' : ''
          }${style.dim ? ' opacity="0.6"' : ''}>${toXml(piece)}</text>`,
        );
      column += cells;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13" xml:space="preserve">
<title>donations monitor over the demo's traffic</title>
<rect width="${width}" height="${height}" rx="8" fill="${BACK}"/>
${parts.join('\n')}
</svg>
`;
}
