import { styleText } from 'node:util';
import { Box, Text } from 'ink';
import { createContext, type ReactNode, useContext } from 'react';
import { fitText } from '../../../lib/output/width.ts';
import { clean, cutSpans, widthOf } from '../text.ts';
import { COLORS, type Span, type Theme } from '../theme.ts';

export const ThemeContext = createContext<Theme | undefined>(undefined);

export function useTheme(): Theme {
  const theme = useContext(ThemeContext);
  if (!theme) throw new Error('a view outside of the screen');
  return theme;
}

/** One line of the screen, never more than so wide. */
export function Line({
  spans,
  width,
  selected = false,
}: {
  spans: Span[];
  width: number;
  selected?: boolean;
}): ReactNode {
  const theme = useTheme();
  const harmless = spans.map((span) => ({ ...span, text: clean(span.text, theme) }));
  const shown = cutSpans(harmless, width, theme.glyphs.more);
  const space = selected ? ' '.repeat(Math.max(0, width - widthOf(shown))) : '';
  const text = selected
    ? styled([{ text: shown.map((span) => span.text).join('') + space, inverse: true }], theme)
    : styled(shown, theme);
  return <Text wrap="truncate-end">{text === '' ? ' ' : text}</Text>;
}

/**
 * The pieces as one string with its colours: a component for each would cost the most of a frame.
 * https://en.wikipedia.org/wiki/ANSI_escape_code#SGR
 */
function styled(spans: Span[], { color, stale, styles }: Theme): string {
  if (!styles) return spans.map(({ text }) => text).join('');
  return spans
    .map(({ text, tone, bold, inverse }) => {
      const hue = tone && tone !== 'dim' && tone !== 'bold' ? COLORS[tone] : undefined;
      const formats: Format[] = [
        ...(hue && color && !stale ? [hue] : []),
        ...(stale || tone === 'dim' ? ['dim' as const] : []),
        ...(!stale && (bold === true || tone === 'bold') ? ['bold' as const] : []),
        ...(inverse === true && !stale ? ['inverse' as const] : []),
      ];
      return formats.length === 0 ? text : styleText(formats, text, { validateStream: false });
    })
    .join('');
}

type Format = (typeof COLORS)[keyof typeof COLORS] | 'dim' | 'bold' | 'inverse';

/** What stands over a part of the screen: `─ Tasks ──────── 5 ─`. */
export function Heading({
  title,
  right = [],
  focused = false,
  width,
}: {
  title: string;
  right?: Span[];
  focused?: boolean;
  width: number;
}): ReactNode {
  const { glyphs } = useTheme();
  const left: Span[] = [
    { text: `${glyphs.rule} `, tone: 'dim' },
    { text: title, tone: focused ? 'accent' : 'bold', bold: true },
    { text: ' ' },
  ];
  const end: Span[] = right.length > 0 ? [{ text: ' ' }, ...right, { text: ' ' }] : [];
  const room = width - widthOf(left);
  const kept = widthOf(end) < room - 1 ? end : cutSpans(end, Math.max(0, room - 2), glyphs.more);
  const rule = glyphs.rule.repeat(Math.max(0, room - widthOf(kept) - 1));
  return (
    <Line
      spans={[...left, { text: rule, tone: 'dim' }, ...kept, { text: glyphs.rule, tone: 'dim' }]}
      width={width}
    />
  );
}

/** A column of a table on the screen. */
export interface ScreenColumn<Row> {
  head: string;
  /** How wide; `fill` takes what the others leave, shared among such. */
  width: number | 'fill';
  align?: 'right';
  /** Of one that fills: what it needs; for it others are left out, those with the highest `spare` first. */
  least?: number;
  spare?: number;
  /** Only on a screen of so many columns. */
  from?: number;
  cell: (row: Row) => Span;
}

/** The columns that fit, and how much those share that fill. */
function fitColumns<Row>(
  columns: ScreenColumn<Row>[],
  width: number,
): { shown: ScreenColumn<Row>[]; room: number } {
  const shown = columns.filter(({ from = 0 }) => width >= from);
  for (;;) {
    const fixed = shown.reduce((sum, each) => sum + (each.width === 'fill' ? 0 : each.width), 0);
    const room = width - 2 - fixed - (shown.length - 1);
    const needed = shown.reduce((sum, { least = 0 }) => sum + least, 0);
    const most = Math.max(...shown.map(({ spare = 0 }) => spare));
    if (room >= needed || most === 0) return { shown, room };
    shown.splice(
      shown.findIndex(({ spare }) => spare === most),
      1,
    );
  }
}

/** Which rows are shown: the selected one is among them, about in the middle. */
const firstShown = (selected: number, count: number, height: number) =>
  Math.max(0, Math.min(selected - Math.floor(height / 2), count - height));

/** Rows in columns, with their heads; the selected row is inverse and has a mark of its own. */
export function ScreenTable<Row>({
  columns,
  rows,
  width,
  height,
  selected,
  marked = () => false,
  empty,
}: {
  columns: ScreenColumn<Row>[];
  rows: Row[];
  width: number;
  /** Lines in all, the heads included. */
  height: number;
  /** Undefined where nothing is selected. */
  selected: number | undefined;
  marked?: (row: Row) => boolean;
  empty: string;
}): ReactNode {
  const theme = useTheme();
  const { glyphs } = theme;
  const { shown, room } = fitColumns(columns, width);
  const fills = shown.filter((column) => column.width === 'fill').length;
  const widthFor = (column: ScreenColumn<Row>) =>
    column.width === 'fill' ? Math.max(4, Math.floor(room / Math.max(1, fills))) : column.width;
  const line = (cells: (column: ScreenColumn<Row>) => Span) =>
    shown.flatMap((column, i) => {
      const span = cells(column);
      // Made harmless first: its width may be another then.
      const text = fitText(clean(span.text, theme), widthFor(column), {
        align: column.align,
        more: glyphs.more,
      });
      return i === 0 ? [{ ...span, text }] : [{ text: ' ' }, { ...span, text }];
    });
  const body = Math.max(0, height - 1);
  const top = firstShown(selected ?? 0, rows.length, body);
  if (height <= 0) return null;
  return (
    <Box flexDirection="column">
      <Line
        width={width}
        spans={[{ text: '  ' }, ...line(({ head }) => ({ text: head, tone: 'dim' }))]}
      />
      {rows.length === 0 && body > 0 ? (
        <Line width={width} spans={[{ text: `  ${empty}`, tone: 'dim' }]} />
      ) : null}
      {rows.slice(top, top + body).map((row, i) => {
        const isSelected = top + i === selected;
        const mark = `${isSelected ? glyphs.selected : ' '}${marked(row) ? glyphs.marked : ' '}`;
        return (
          <Line
            key={String(i)}
            width={width}
            selected={isSelected}
            spans={[{ text: mark, tone: 'accent' }, ...line((column) => column.cell(row))]}
          />
        );
      })}
    </Box>
  );
}

/** A text of many lines, from one on. */
export function Scroll({
  lines,
  from,
  width,
  height,
}: {
  lines: Span[][];
  from: number;
  width: number;
  height: number;
}): ReactNode {
  const { glyphs } = useTheme();
  const top = Math.max(0, Math.min(from, lines.length - height));
  const below = lines.length - top - height;
  const shown = lines.slice(top, top + height);
  const isCut = below > 0 && shown.length > 0;
  return (
    <Box flexDirection="column">
      {(isCut ? shown.slice(0, -1) : shown).map((spans, i) => (
        <Line key={String(i)} spans={spans} width={width} />
      ))}
      {isCut ? (
        <Line
          width={width}
          spans={[{ text: `${glyphs.down} ${below + 1} more lines`, tone: 'dim' }]}
        />
      ) : null}
    </Box>
  );
}

/** Blank lines, so that what follows is at its place. */
export function Blank({ lines }: { lines: number }): ReactNode {
  return lines > 0 ? <Box height={lines} /> : null;
}
