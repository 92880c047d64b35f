/** One chart of a page. */
export interface Chart {
  title: string;
  /** What it shows in a sentence, for people who do not see it. */
  about: string;
  /** Null where no worker looked. */
  values: (number | null)[];
  /** The value at the top of the chart. */
  max: number;
  /** A value as people read it. */
  words: (value: number) => string;
  tone: 'good' | 'bad' | 'wait';
  /** A value from which on it is too much. */
  limit?: number | undefined;
}

/** What lies behind the columns, as shares of the width from 0 to 1. */
export interface Marks {
  spans: { from: number; to: number; level: 'warning' | 'critical'; label: string }[];
  lines: { at: number; label: string }[];
}

const WIDTH = 720;
const HEIGHT = 120;

/** Makes text safe inside HTML and SVG, also in attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(
    /[&<>"']/g,
    (char) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char] ?? char,
  );

const round = (value: number) => Math.round(value * 10) / 10;

/**
 * A column chart as inline SVG. It has no text, which would shrink with it: the page writes the axes.
 *
 * @param id unique on the page.
 */
export function chartSvg(id: string, chart: Chart, { spans, lines }: Marks): string {
  const { title, about, values, max, words, tone, limit } = chart;
  const each = WIDTH / Math.max(1, values.length);
  const y = (value: number) => round(HEIGHT - (Math.min(value, max) / max) * HEIGHT);
  const behind = spans.map(
    ({ from, to, level, label }) =>
      `<rect class="${level}" x="${round(from * WIDTH)}" y="0" width="${round(Math.max(1, (to - from) * WIDTH))}" height="${HEIGHT}"><title>${escapeHtml(label)}</title></rect>`,
  );
  const columns = values.map((value, i) => {
    const x = round(i * each);
    const width = round(Math.max(0.5, each - (each > 4 ? 1 : 0)));
    if (value === null)
      return `<rect class="unseen" x="${x}" y="${HEIGHT - 4}" width="${width}" height="4"/>`;
    if (value <= 0) return '';
    // Something is never drawn as nothing.
    const top = Math.min(y(value), HEIGHT - 1);
    return `<rect class="${tone}" x="${x}" y="${top}" width="${width}" height="${round(HEIGHT - top)}"><title>${escapeHtml(words(value))}</title></rect>`;
  });
  const line = (x1: number, y1: number, x2: number, y2: number, kind: string, label: string) =>
    `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"><title>${escapeHtml(label)}</title></line>`;
  return [
    `<svg role="img" aria-labelledby="${id}-title ${id}-about" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">`,
    `<title id="${id}-title">${escapeHtml(title)}</title><desc id="${id}-about">${escapeHtml(about)}</desc>`,
    ...behind,
    ...columns,
    limit !== undefined && limit <= max
      ? line(0, y(limit), WIDTH, y(limit), 'limit', `limit ${words(limit)}`)
      : '',
    ...lines.map(({ at, label }) =>
      line(round(at * WIDTH), 0, round(at * WIDTH), HEIGHT, 'change', label),
    ),
    '</svg>',
  ].join('');
}
