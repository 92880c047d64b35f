import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, read, readSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { UserError, usageError } from '../../errors.ts';
import { newId } from '../../ids.ts';

/** A file that is open, and may be read from its start as often as need be. */
export interface Source {
  /** As a person calls it. */
  name: string;
  /** Where to read it again; undefined for stdin. */
  path: string | undefined;
  kind: 'text' | 'xlsx';
  size: number;
  /** The bytes of a text, unpacked; or of a workbook, as they are. */
  bytes(): AsyncIterable<Buffer>;
  /** The raw bytes of the file, from an offset on. */
  raw(from: number): AsyncIterable<Buffer>;
  /** The file's beginning, unpacked. */
  head(length: number): Promise<Buffer>;
  /** Of the bytes as they are in the file. */
  sha256(): Promise<string>;
  close(): void;
}

const CHUNK = 256 * 1024;
const SHORTEST = 4;

/**
 * Opens FILE, or stdin for `-`. Whatever is no table is refused in one line.
 * @throws UserError `usage`.
 */
export async function openSource(file: string, stdin: NodeJS.ReadableStream): Promise<Source> {
  const fd = file === '-' ? await keepStdin(stdin) : openFile(file);
  const name = file === '-' ? 'stdin' : basename(file);
  try {
    return describe(fd, name, file === '-' ? undefined : resolve(file));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openFile(file: string): number {
  const fd = attempt(file, () => openSync(file, 'r'));
  const stat = fstatSync(fd);
  if (stat.isFile()) return fd;
  closeSync(fd);
  throw usageError(
    stat.isDirectory() ? `${file} is a directory` : `${file} is not a file`,
    'Give one file; for what a program writes, - reads stdin.',
  );
}

const PROBLEMS: Record<string, string> = {
  ENOENT: 'there is no file',
  EACCES: 'no permission to read',
  EPERM: 'no permission to read',
  EISDIR: 'this is a directory, not a file:',
  ENAMETOOLONG: 'no file has a name as long as',
  ENOTDIR: 'there is no file',
  ELOOP: 'its links go in a circle:',
};

function attempt<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const shown = file.length > 200 ? `${file.slice(0, 200)}…` : file;
    throw usageError(
      PROBLEMS[code] ? `${PROBLEMS[code]} ${shown}` : `cannot read ${shown}: ${message}`,
      'Check the name of the file.',
    );
  }
}

/** Keeps stdin in a file that has no name any more: it is gone when this process ends, however it ends. */
async function keepStdin(stdin: NodeJS.ReadableStream): Promise<number> {
  const path = join(tmpdir(), newId('batch'));
  const file = await open(path, 'wx+', 0o600);
  const fd = openSync(path, 'r');
  unlinkSync(path);
  try {
    for await (const chunk of stdin) await file.write(chunk as Buffer);
  } catch (error) {
    closeSync(fd);
    throw error;
  } finally {
    await file.close();
  }
  return fd;
}

const MAGIC = {
  zip: Buffer.from([0x50, 0x4b, 0x03, 0x04]),
  gzip: Buffer.from([0x1f, 0x8b]),
  ole: Buffer.from([0xd0, 0xcf, 0x11, 0xe0]),
  pdf: Buffer.from('%PDF'),
};

function describe(fd: number, name: string, path: string | undefined): Source {
  const start = Buffer.alloc(SHORTEST);
  const length = attempt(name, () => readSync(fd, start, 0, SHORTEST, 0));
  const begins = (magic: Buffer) => start.subarray(0, Math.min(length, magic.length)).equals(magic);
  if (length === 0) throw usageError(`${name} is empty`, 'There is nothing to import.');
  if (begins(MAGIC.ole))
    throw usageError(
      `${name} is an old Excel workbook (.xls) or one with a password`,
      'Save it as .xlsx without a password, or as CSV.',
    );
  if (begins(MAGIC.pdf))
    throw usageError(`${name} is a PDF`, 'Export the gifts as CSV or .xlsx instead.');
  const size = fstatSync(fd).size;
  const packed = begins(MAGIC.gzip);
  const raw = (from: number) => readAll(fd, from);
  const bytes = () => (packed ? unpack(raw(0), name) : raw(0));
  return {
    name,
    path,
    kind: begins(MAGIC.zip) ? 'xlsx' : 'text',
    size,
    bytes,
    raw,
    async head(length) {
      const chunks: Buffer[] = [];
      let got = 0;
      for await (const chunk of bytes()) {
        chunks.push(chunk);
        got += chunk.length;
        if (got >= length) break;
      }
      return Buffer.concat(chunks).subarray(0, length);
    },
    async sha256() {
      const hash = createHash('sha256');
      for await (const chunk of raw(0)) hash.update(chunk);
      return hash.digest('hex');
    },
    close: () => closeSync(fd),
  };
}

const readFd = promisify(read);

/** Each reading has its own place in the file; a stream of Node's would close it at its end. */
async function* readAll(fd: number, from: number): AsyncGenerator<Buffer> {
  for (let at = from; ; ) {
    const { bytesRead, buffer } = await readFd(fd, Buffer.allocUnsafe(CHUNK), 0, CHUNK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* unpack(raw: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  const input = Readable.from(raw);
  input.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of input.pipe(gunzip)) yield chunk as Buffer;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!code.startsWith('Z_')) throw error;
    throw new UserError(
      'usage',
      `${name} is damaged: its gzip data ${code === 'Z_BUF_ERROR' ? 'ends too early' : 'is not valid'}`,
      'Fetch or export the file again.',
      { cause: error },
    );
  } finally {
    input.destroy();
    gunzip.destroy();
  }
}
