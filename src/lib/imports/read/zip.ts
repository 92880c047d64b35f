import { usageError } from '../../errors.ts';
import type { Source } from './source.ts';

// A million rows of forty columns are about this much XML.
const MAX_UNPACKED = 4 * 1024 ** 3;
// What is held in memory whole: texts that many cells share, and styles.
const MAX_HELD = 1024 ** 3;
const MAX_ENTRIES = 10_000;
// Deflate packs zeros a thousand times; the XML of sheets about ten to thirty times.
const MAX_RATIO = 250;
const SMALL = 64 * 1024 * 1024;

const END = Buffer.from([0x50, 0x4b, 0x05, 0x06]);
const ENTRY = 0x02014b50;
// The comment after it is at most 65,535 bytes long.
const END_WITHIN = 65_557;

/**
 * Looks at what an archive says of itself, before anything is unpacked.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 and 4.3.16
 * @returns the names of its entries.
 * @throws UserError `usage` for one that would unpack to far more than a workbook is.
 */
export async function refuseZipBomb(source: Source): Promise<string[]> {
  const damaged = () =>
    usageError(`${source.name} is damaged: its list of contents is missing`, 'Save it again.');
  let tail = Buffer.alloc(0);
  let directory: Buffer | undefined;
  for await (const chunk of source.bytes())
    tail = Buffer.concat([tail, chunk]).subarray(-END_WITHIN);
  const end = tail.lastIndexOf(END);
  if (end < 0 || end + 22 > tail.length) throw damaged();
  const entries = tail.readUInt16LE(end + 10);
  const size = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  if (entries > MAX_ENTRIES || size > 16 * 1024 * 1024 || offset + size > source.size)
    throw damaged();
  directory = await slice(source, offset, size);
  const names: string[] = [];
  let total = 0;
  for (let at = 0, i = 0; i < entries; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== ENTRY) throw damaged();
    const packed = directory.readUInt32LE(at + 20);
    const unpacked = directory.readUInt32LE(at + 24);
    const nameLength = directory.readUInt16LE(at + 28);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    names.push(name);
    total += unpacked;
    const isSheet = name.startsWith('xl/worksheets/');
    if (
      total > MAX_UNPACKED ||
      (!isSheet && unpacked > MAX_HELD) ||
      (unpacked > SMALL && unpacked > MAX_RATIO * Math.max(packed, 1))
    ) {
      throw usageError(
        `${source.name} would unpack to ${Math.round(total / 1024 ** 2).toLocaleString('en-US')} MB, far more than a workbook of gifts`,
        'If it is one all the same, save it as CSV.',
      );
    }
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return names;
}

async function slice(source: Source, from: number, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let at = 0;
  for await (const chunk of source.bytes()) {
    const [start, end] = [Math.max(0, from - at), Math.min(chunk.length, from + length - at)];
    if (end > start) parts.push(chunk.subarray(start, end));
    at += chunk.length;
    if (at >= from + length) break;
  }
  return Buffer.concat(parts);
}
