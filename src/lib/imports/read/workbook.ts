import { posix } from 'node:path';
import type { Source } from './source.ts';
import { readXml, type XmlListener } from './xml.ts';
import { unpackEntry, type ZipEntry } from './zip.ts';

/** The sheets of a workbook, and how it encodes dates. */
export interface Workbook {
  sheets: { name: string; path: string }[];
  sharedStrings: string | undefined;
  /** Whether days are counted from 1904, and not from 1900. */
  from1904: boolean;
  /** Whether a number of this style is a day. */
  isDay: (style: number) => boolean;
}

/** Reads the parts that describe the workbook: ECMA-376 Part 1, 18.2, and Part 2, 9.3. */
export async function readWorkbook(
  source: Source,
  entries: Map<string, ZipEntry>,
): Promise<Workbook> {
  const read = async (path: string, listener: XmlListener) => {
    const entry = entries.get(path);
    if (entry) for await (const _ of readXml(unpackEntry(source, entry), listener));
  };
  /** The paths of the parts that a part refers to, by the reference's id and by kind. */
  const references = async (path: string) => {
    const byId = new Map<string, string>();
    const byKind = new Map<string, string>();
    const folder = posix.dirname(path);
    await read(posix.join(folder, '_rels', `${posix.basename(path)}.rels`), {
      open(name, { Id = '', Type = '', Target = '' }) {
        if (name !== 'Relationship') return;
        const target = posix.resolve('/', folder, Target).slice(1);
        byId.set(Id, target);
        byKind.set(posix.basename(Type), target);
      },
    });
    return { byId, byKind };
  };

  const root = await references('');
  const path = root.byKind.get('officeDocument') ?? 'xl/workbook.xml';
  const parts = await references(path);
  const sheets: Workbook['sheets'] = [];
  let from1904 = false;
  await read(path, {
    open(name, attributes) {
      if (name === 'workbookPr') from1904 = /^(1|true)$/.test(attributes.date1904 ?? '');
      if (name !== 'sheet') return;
      const id = Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1] ?? '';
      const sheet = parts.byId.get(id);
      if (sheet !== undefined) sheets.push({ name: attributes.name ?? '', path: sheet });
    },
  });
  const days = await readDayStyles((listener) =>
    read(parts.byKind.get('styles') ?? 'xl/styles.xml', listener),
  );
  return {
    sheets,
    sharedStrings: parts.byKind.get('sharedStrings'),
    from1904,
    isDay: (style) => days.has(style),
  };
}

/** The styles that show a number as a day: ECMA-376 Part 1, 18.8.10 and 18.8.30. */
async function readDayStyles(read: (listener: XmlListener) => Promise<void>): Promise<Set<number>> {
  const { isDateFormat } = await import('hucre');
  const formats = new Map<number, string>();
  const used: number[] = [];
  let isCell = false;
  await read({
    open(name, { numFmtId = '0', formatCode = '' }) {
      if (name === 'numFmt') formats.set(Number(numFmtId), formatCode);
      else if (name === 'cellXfs') isCell = true;
      else if (name === 'xf' && isCell) used.push(Number(numFmtId));
    },
    close(name) {
      if (name === 'cellXfs') isCell = false;
    },
  });
  const isDay = (format: number) => {
    const code = formats.get(format);
    return code === undefined ? isBuiltInDay(format) : isDateFormat(code);
  };
  return new Set(used.flatMap((format, style) => (isDay(format) ? [style] : [])));
}

/** Formats that every spreadsheet program has; those from 27 on depend on the language. */
const isBuiltInDay = (format: number) =>
  (format >= 14 && format <= 22) ||
  (format >= 27 && format <= 36) ||
  (format >= 45 && format <= 47) ||
  (format >= 50 && format <= 58);
