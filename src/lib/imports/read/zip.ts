import { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { usageError } from '../../errors.ts';
import { grouped } from '../../output/text.ts';
import type { Source } from './source.ts';

// A million rows of forty columns are about this much XML.
const MAX_UNPACKED = 4 * 1024 ** 3;
// These parts are held in memory: shared texts and styles.
const MAX_HELD = 256 * 1024 ** 2;
const MAX_ENTRIES = 10_000;
// Deflate packs zeros a thousand times; the XML of sheets about ten to thirty times.
const MAX_RATIO = 250;
const SMALL = 64 * 1024 * 1024;

const END = Buffer.from([0x50, 0x4b, 0x05, 0x06]);
const END_LENGTH = 22;
const ENTRY = 0x02014b50;
const ENTRY_LENGTH = 46;
const LOCAL_LENGTH = 30;
const DEFLATED = 8;
// The comment after it is at most 65,535 bytes long.
const END_WITHIN = 65_557;

/** A file within an archive. */
export interface ZipEntry {
  name: string;
  isDeflated: boolean;
  packed: number;
  unpacked: number;
  /** Where it begins in the archive. */
  offset: number;
}

/**
 * Reads the directory of an archive, before anything is unpacked.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 and 4.3.16
 * @returns its entries by name.
 * @throws UserError `usage` for one that would unpack to far more than a workbook is.
 */
export async function readDirectory(source: Source): Promise<Map<string, ZipEntry>> {
  const damaged = () =>
    usageError(`${source.name} is damaged: its list of contents is missing`, 'Save it again.');
  const tail = await slice(source, Math.max(0, source.size - END_WITHIN), END_WITHIN);
  const end = tail.lastIndexOf(END);
  if (end < 0 || end + END_LENGTH > tail.length) throw damaged();
  const count = tail.readUInt16LE(end + 10);
  const size = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  if (count > MAX_ENTRIES || size > 16 * 1024 * 1024 || offset + size > source.size)
    throw damaged();
  const directory = await slice(source, offset, size);
  const entries = new Map<string, ZipEntry>();
  let total = 0;
  for (let at = 0, i = 0; i < count; i++) {
    if (at + ENTRY_LENGTH > directory.length || directory.readUInt32LE(at) !== ENTRY)
      throw damaged();
    const nameLength = directory.readUInt16LE(at + 28);
    const entry: ZipEntry = {
      name: directory.toString('utf8', at + ENTRY_LENGTH, at + ENTRY_LENGTH + nameLength),
      isDeflated: directory.readUInt16LE(at + 10) === DEFLATED,
      packed: directory.readUInt32LE(at + 20),
      unpacked: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    };
    entries.set(entry.name, entry);
    total += entry.unpacked;
    const isSheet = entry.name.startsWith('xl/worksheets/');
    if (
      total > MAX_UNPACKED ||
      (!isSheet && entry.unpacked > MAX_HELD) ||
      (entry.unpacked > SMALL && entry.unpacked > MAX_RATIO * Math.max(entry.packed, 1))
    ) {
      throw usageError(
        `${source.name} would unpack to ${grouped(Math.round(total / 1024 ** 2))} MB, far more than a workbook of gifts`,
        'If it is one all the same, save it as CSV.',
      );
    }
    at +=
      ENTRY_LENGTH + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/**
 * Unpacks an entry as it is read.
 * @throws Error when it is larger than the directory says, or damaged.
 */
export async function* unpackEntry(source: Source, entry: ZipEntry): AsyncGenerator<Buffer> {
  const local = await slice(source, entry.offset, LOCAL_LENGTH);
  if (local.length < LOCAL_LENGTH) throw new Error(`${entry.name} is missing`);
  const from = entry.offset + LOCAL_LENGTH + local.readUInt16LE(26) + local.readUInt16LE(28);
  const packed = Readable.from(part(source, from, entry.packed));
  const inflate = createInflateRaw({ chunkSize: 256 * 1024 });
  packed.on('error', (error) => inflate.destroy(error));
  let got = 0;
  try {
    for await (const chunk of entry.isDeflated ? packed.pipe(inflate) : packed) {
      got += (chunk as Buffer).length;
      if (got > entry.unpacked) throw new Error(`${entry.name} is longer than it says`);
      yield chunk as Buffer;
    }
  } finally {
    packed.destroy();
    inflate.destroy();
  }
}

async function* part(source: Source, from: number, length: number): AsyncGenerator<Buffer> {
  let left = length;
  for await (const chunk of source.raw(from)) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function slice(source: Source, from: number, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of part(source, from, length)) parts.push(chunk);
  return Buffer.concat(parts);
}
