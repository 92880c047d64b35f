import type { Column } from '../output/render.ts';
import { capital } from '../output/text.ts';
import { safeText } from '../text.ts';
import { type Chart, chartSvg, escapeHtml, type Marks } from './charts.ts';

/** A table of a report. */
export interface PageSection {
  name: string;
  title: string;
  columns: Column<unknown>[];
  rows: unknown[];
  /** What stands there without rows. */
  empty: string;
}

export interface Page {
  title: string;
  /** Below the title: whose it is, and of which time zone. */
  subtitle: string;
  /** What matters most, a sentence each. */
  summary: string[];
  charts: Chart[];
  marks: Marks;
  /** The times below the charts, evenly spread from left to right. */
  times: string[];
  /** The beginning of each column of the charts, in words. */
  columnTimes: string[];
  sections: PageSection[];
  /** What the report does not have. */
  missing: string[];
  footer: string;
}

// Contrast with the ground is at least 4.5 for text and 3 for graphics:
// https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast
const STYLE = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; }
.dim, footer, figcaption span { color: #555; }
figure { margin: 0 0 1.25rem; }
figcaption { font-weight: 600; }
figcaption span { font-weight: 400; }
svg { display: block; width: 100%; height: 7.5rem; border-bottom: 1px solid #555; background: #fafafa; }
svg line { vector-effect: non-scaling-stroke; }
svg .good { fill: #1b6e3c; } svg .bad { fill: #b3261e; } svg .wait { fill: #1f4e8c; }
svg .warning { fill: #ffe9a8; stroke: #7a5200; } svg .critical { fill: #ffd0cb; stroke: #b3261e; }
svg .warning, svg .critical { vector-effect: non-scaling-stroke; }
svg .unseen { fill: #8a8a8a; }
svg .limit { stroke: #b3261e; stroke-width: 2; stroke-dasharray: 6 4; }
svg .change { stroke: #5b2a86; stroke-width: 2; stroke-dasharray: 2 3; }
.times { display: flex; justify-content: space-between; font-size: .85rem; color: #555; }
.key span { display: inline-block; margin-right: 1.25rem; }
.key i { display: inline-block; width: 1rem; height: .8rem; margin-right: .4rem; border: 1px solid #555; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; color: #555; padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
th { font-weight: 600; overflow-wrap: normal; }
.word { white-space: nowrap; }
.text { min-width: 11em; }
.right { text-align: right; font-variant-numeric: tabular-nums; }
td.bad { color: #b3261e; } td.warn { color: #7a5200; } td.good { color: #1b6e3c; } td.dim { color: #555; }
@media (max-width: 45rem) {
  table, caption, tbody, tr, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border: 1px solid #ccc; border-radius: .4rem; margin-bottom: .75rem; padding: .4rem .75rem; }
  td, td.right { border: 0; padding: .15rem 0; text-align: left; }
  td::before { content: attr(data-label) ": "; color: #555; }
  td:empty { display: none; }
}
@media print {
  @page { margin: 1.5cm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  svg { height: 5.5rem; }
  svg, .key i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  figure, tr, .rows { break-inside: avoid; } h2 { break-after: avoid; } thead { display: table-header-group; }
  details, .minor { display: none; }
}`;

const text = (words: string) => escapeHtml(safeText(words));

/** The report as one HTML file: no scripts, nothing from elsewhere. */
export function reportPage(page: Page): string {
  const list = (lines: string[]) =>
    `<ul>${lines.map((line) => `<li>${text(line)}</li>`).join('')}</ul>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(page.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${text(page.title)}</h1><p class="dim">${text(page.subtitle)}</p></header>
<main>
<section aria-labelledby="summary"><h2 id="summary">In short</h2>${list(page.summary)}</section>
<section aria-labelledby="charts"><h2 id="charts">Charts</h2>
${page.charts.map((chart, i) => figure(`chart-${i + 1}`, chart, page)).join('\n')}
${KEY}
${figures(page)}
</section>
${page.sections.map(sectionHtml).join('\n')}
${
  page.missing.length > 0
    ? `<section aria-labelledby="missing"><h2 id="missing">What this report does not have</h2>${list(page.missing)}</section>`
    : ''
}
</main>
<footer><p>${text(page.footer)}</p></footer>
</body>
</html>
`;
}

const KEY = `<p class="key"><span><i style="background:#ffe9a8"></i>incident, warning</span><span><i style="background:#ffd0cb"></i>incident, critical</span><span><i style="background:#5b2a86"></i>change by a person</span><span><i style="background:#8a8a8a"></i>no worker looked</span></p>`;

const figure = (id: string, chart: Chart, { marks, times }: Page) => `<figure>
<figcaption>${text(chart.title)} <span>top of the chart: ${text(chart.words(chart.max))}</span></figcaption>
${chartSvg(id, chart, marks)}
<div class="times" aria-hidden="true">${times.map((time) => `<span>${text(time)}</span>`).join('')}</div>
<p class="dim">${text(chart.about)}</p>
</figure>`;

/** The numbers of the charts, for people who do not see them. */
const figures = ({ charts, columnTimes }: Page) =>
  `<details><summary>The charts as a table</summary>${table(
    'From the time in the first column on',
    ['From', ...charts.map(({ title }) => title)].map((label) => ({ label })),
    columnTimes.map((time, i) => [
      { text: time },
      ...charts.map(({ values, words }) => {
        const value = values[i] ?? null;
        return { text: value === null ? 'not known' : words(value) };
      }),
    ]),
  )}</details>`;

function sectionHtml({ name, title, columns, rows, empty }: PageSection): string {
  const shown = columns.filter(({ wide }) => !wide);
  const now = new Date();
  const body =
    rows.length === 0
      ? `<p>${text(empty)}</p>`
      : table(
          `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`,
          shown.map(({ header, align, minor }) => ({
            label: capital(header.toLowerCase()),
            align,
            minor,
          })),
          rows.map((row) =>
            shown.map((column) => ({
              text: column.text?.(row, now) ?? String(column.value(row) ?? ''),
              tone: column.tone?.(row),
            })),
          ),
        );
  return `<section class="rows" aria-labelledby="${name}"><h2 id="${name}">${text(title)}</h2>${body}</section>`;
}

interface Head {
  label: string;
  align?: 'right' | undefined;
  /** Left out in print. */
  minor?: boolean | undefined;
}

/** A short text is not broken over lines, and a long one is not squeezed. */
const wordClass = (words: string) => (words.length <= 20 ? 'word' : 'text');

/** On a phone the rows are cards, which are a table for screen readers only by their roles. */
function table(
  caption: string,
  heads: Head[],
  rows: { text: string; tone?: string | undefined }[][],
): string {
  const classes = (...names: (string | undefined)[]) => {
    const given = names.filter((name) => name !== undefined && name !== 'bold');
    return given.length > 0 ? ` class="${given.join(' ')}"` : '';
  };
  const head = heads.map(
    ({ label, align, minor }) =>
      `<th role="columnheader" scope="col"${classes(align, minor ? 'minor' : undefined)}>${text(label)}</th>`,
  );
  const body = rows.map(
    (cells) =>
      `<tr role="row">${cells
        .map((cell, i) => {
          const { label = '', align, minor } = heads[i] ?? {};
          const kinds = [align, cell.tone, wordClass(cell.text), minor ? 'minor' : undefined];
          return `<td role="cell" data-label="${text(label)}"${classes(...kinds)}>${text(cell.text)}</td>`;
        })
        .join('')}</tr>`,
  );
  return `<table role="table"><caption>${text(caption)}</caption><thead role="rowgroup"><tr role="row">${head.join('')}</tr></thead><tbody role="rowgroup">${body.join('\n')}</tbody></table>`;
}
